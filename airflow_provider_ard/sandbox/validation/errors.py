"""Error responses of the API: `{"message", "code", "type"}` with an HTTP status."""


class ApiError(Exception):
    """An error response; raised anywhere and rendered by the app.

    `status` is the HTTP status, `code` and `type` are identifiers of the API, `message` is a description.
    """

    def __init__(self, status: int, message: str, code: str, type_: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.type = type_

    def body(self) -> dict[str, str]:
        """Return the JSON body of the response."""
        return {"message": self.message, "code": self.code, "type": self.type}


def bad_request(message: str, code: str = "invalid_parameters") -> ApiError:
    """Return a 400 for an invalid request."""
    return ApiError(400, message, code, "invalid_request_error")


def unauthorized(message: str) -> ApiError:
    """Return a 401: missing or wrong credentials, or an expired token."""
    return ApiError(401, message, "unrecognized_credentials", "authentication_error")


def forbidden(message: str) -> ApiError:
    """Return a 403: authenticated, but not authorized."""
    return ApiError(403, message, "forbidden", "authorization_error")


def not_found(message: str) -> ApiError:
    """Return a 404."""
    return ApiError(404, message, "not_found", "invalid_request_error")


DEFAULTS: dict[int, tuple[str, str, str]] = {
    400: ("The request is not valid", "invalid_input", "invalid_request_error"),
    401: ("The credentials are not recognized", "unrecognized_credentials", "authentication_error"),
    403: ("This is not allowed", "forbidden", "authorization_error"),
    404: ("Unknown resource", "not_found", "invalid_request_error"),
    405: ("This method is not allowed here", "method_not_allowed", "invalid_request_error"),
    413: ("Request Entity Too Large", "invalid_input", "invalid_request_error"),
    429: ("Too many requests", "too_many_requests", "rate_limit_error"),
}


def error_for_status(status: int, message: str | None = None) -> ApiError:
    """Return the default error of an HTTP status."""
    default, code, type_ = DEFAULTS.get(status, ("Internal error", "internal_error", "api_error"))
    return ApiError(status, message or default, code, type_)

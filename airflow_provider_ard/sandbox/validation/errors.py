"""The one shape in which the API says no: `{"message", "code", "type"}` with an HTTP status."""


class ApiError(Exception):
    """An answer other than success; raised anywhere, rendered by the app.

    `status` is the HTTP status; `code` and `type` are the API's own words; `message` is for people.
    """

    def __init__(self, status: int, message: str, code: str, type_: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.type = type_

    def body(self) -> dict[str, str]:
        """Return the JSON body of the answer."""
        return {"message": self.message, "code": self.code, "type": self.type}


def bad_request(message: str, code: str = "invalid_parameters") -> ApiError:
    """Return a 400 that blames the request."""
    return ApiError(400, message, code, "invalid_request_error")


def unauthorized(message: str) -> ApiError:
    """Return a 401: no credentials, wrong ones, or a token past its life."""
    return ApiError(401, message, "unrecognized_credentials", "authentication_error")


def forbidden(message: str) -> ApiError:
    """Return a 403: known, but not allowed."""
    return ApiError(403, message, "forbidden", "authorization_error")


def not_found(message: str) -> ApiError:
    """Return a 404."""
    return ApiError(404, message, "not_found", "invalid_request_error")


DEFAULTS: dict[int, tuple[str, str, str]] = {
    400: ("The request is not valid", "invalid_input", "invalid_request_error"),
    401: ("The credentials are not recognized", "unrecognized_credentials", "authentication_error"),
    403: ("This is not allowed", "forbidden", "authorization_error"),
    404: ("There is no such resource", "not_found", "invalid_request_error"),
    405: ("This method is not allowed here", "method_not_allowed", "invalid_request_error"),
    413: ("Request Entity Too Large", "invalid_input", "invalid_request_error"),
    429: ("Too many requests", "too_many_requests", "rate_limit_error"),
}


def error_for_status(status: int, message: str | None = None) -> ApiError:
    """Return the usual error of an HTTP status, for whatever has no error of its own."""
    default, code, type_ = DEFAULTS.get(status, ("The service met an error", "internal_error", "api_error"))
    return ApiError(status, message or default, code, type_)

"""Secrets in the arguments of operators: hidden wherever Airflow stores an argument.

Airflow stores arguments in the serialized DAG and, once rendered, with each task instance.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.arguments import parse_literal
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.http.redaction import contains_secret, without_templates
from airflow_provider_ard.hooks.secret_masking import mask_secrets
from airflow_provider_ard.hooks.stable_arguments import with_stable_text
from airflow_provider_ard.version_compat import OperatorPartial

if TYPE_CHECKING:
    from collections.abc import Sequence

    import jinja2

    from airflow_provider_ard.version_compat import Context

_SECRET_KEYS = ("sas_url", "service_credentials")
# JSON is nested less deeply, so that a list that contains itself ends.
_MAX_DEPTH = 50
_STORE_IT = "store the credential with the API and name it in the Connection's credentials_ids"


class MaskedValue:
    """A secret argument. Airflow renders it, and stores `***` for it."""

    template_fields = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "***"

    def serialize(self) -> str:
        """Return the value that Airflow stores."""
        return "***"


def mask(value: Any, depth: int = 0) -> Any:
    """Return a value with its secrets replaced by `MaskedValue`s; the value itself if it contains none.

    Secrets are the values of `sas_url` and `service_credentials`, and strings with a signature, key or token anywhere.
    """
    if isinstance(value, MaskedValue):
        # A copy: Airflow renders it in place.
        return MaskedValue(value.value)
    if isinstance(value, str):
        return MaskedValue(value) if contains_secret(value) else value
    if depth > _MAX_DEPTH:
        return MaskedValue(value)
    if isinstance(value, Mapping):
        items = {key: _mask_item(key, item, depth) for key, item in value.items()}
        return items if any(items[key] is not item for key, item in value.items()) else value
    if isinstance(value, list | tuple):
        return _unless_same([mask(item, depth + 1) for item in value], value)
    if isinstance(value, set | frozenset):
        return MaskedValue(value) if any(isinstance(mask(item), MaskedValue) for item in value) else value
    return value


def unmask(value: Any) -> Any:
    """Return a value with the secrets that `mask` replaced; the value itself if it contains none."""
    if isinstance(value, MaskedValue):
        return value.value
    if isinstance(value, dict):
        items = {key: unmask(item) for key, item in value.items()}
        return items if any(items[key] is not item for key, item in value.items()) else value
    if isinstance(value, list | tuple):
        return _unless_same([unmask(item) for item in value], value)
    return value


class SecretArgumentsMixin:
    """An operator whose template fields are masked in whatever form and by whatever route a secret arrives.

    Each assignment is covered: by the constructor, by Airflow's rendering, and for mapped tasks. `unmask` returns the
    values.
    """

    template_fields: Sequence[str]
    # Of `BaseOperator`.
    has_dag: Callable[[], bool]
    dag: Any

    def __setattr__(self, name: str, value: Any) -> None:
        """Mask a template field, and replace what has another text at each parse.

        Nothing is registered with Airflow's masker here: in the DAG processor each such request takes seconds.
        """
        if name in self.template_fields:
            _check_stored_elsewhere(name, value, self.dag if self.has_dag() else None)
            value = mask(with_stable_text(value, name))
        super().__setattr__(name, value)

    @classmethod
    def partial(cls, **arguments: Any) -> OperatorPartial:
        """Map over the remaining arguments; secrets are masked as in the constructor."""
        partial = super().partial(**_mask_fields(arguments, cls.template_fields))  # type: ignore[misc]
        for name in cls.template_fields:
            _check_stored_elsewhere(name, partial.kwargs.get(name), partial.kwargs.get("dag"))
        masked = MaskedPartial(operator_class=partial.operator_class, kwargs=partial.kwargs, params=partial.params)
        # Otherwise it warns that it was never mapped.
        partial._expand_called = True
        return masked

    def render_template_fields(self, context: Context, jinja_env: jinja2.Environment | None = None) -> None:
        """Render, and register the secrets with Airflow's masker for the task's log.

        Copies of masked values are rendered: they may be shared with the task that this one is a copy of.
        """
        for name in self.template_fields:
            value = getattr(self, name)
            if mask(value) is not value:
                setattr(self, name, value)
        super().render_template_fields(context, jinja_env)  # type: ignore[misc]
        mask_secrets(secret for name in self.template_fields for secret in _literals(getattr(self, name)))


class MaskedPartial(OperatorPartial):
    """What `partial` returns; it masks secrets in the arguments to map over."""

    def expand(self, **mapped_kwargs: Any) -> Any:
        """Map over lists of arguments, see Airflow's documentation."""
        return super().expand(**_mask_fields(mapped_kwargs, self.operator_class.template_fields))

    def expand_kwargs(self, kwargs: Any, *, strict: bool = True) -> Any:
        """Map over a list of dictionaries of arguments, see Airflow's documentation."""
        if isinstance(kwargs, list | tuple):
            fields = self.operator_class.template_fields
            kwargs = [_mask_fields(item, fields) if isinstance(item, Mapping) else item for item in kwargs]
        return super().expand_kwargs(kwargs, strict=strict)


def _unless_same(items: list[Any], value: list[Any] | tuple[Any, ...]) -> Any:
    """Return the items as a list or tuple like the value; the value itself if they are its own."""
    if all(new is item for new, item in zip(items, value, strict=True)):
        return value
    return items if isinstance(value, list) else tuple(items)


def _mask_fields(arguments: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """Return an operator's arguments with its template fields masked."""
    return {name: mask(with_stable_text(value, name)) if name in fields else value for name, value in arguments.items()}


def _mask_item(key: Any, item: Any, depth: int) -> Any:
    is_credential = key in _SECRET_KEYS and isinstance(item, str | Mapping) and item and not _is_path(item)
    return MaskedValue(item) if is_credential else mask(item, depth + 1)


def _is_path(secret: object) -> bool:
    # Credentials may be the path of their file. Masking a path would hide harmless words of the log.
    return isinstance(secret, str) and len(secret) < 256 and not secret.lstrip().startswith(("{", "http"))


def _literals(value: Any) -> Iterator[Any]:
    """Yield the masked values that are known, which a template that is not rendered yet is not."""
    if isinstance(value, MaskedValue):
        if isinstance(value.value, str) and without_templates(value.value) != value.value:
            return
        yield value.value
        # A string may be the JSON of a configuration.
        parsed = parse_literal(value.value)
        if parsed is not value.value:
            yield from _literals(mask(parsed))
    elif isinstance(value, dict):
        for item in value.values():
            yield from _literals(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _literals(item)


def _check_stored_elsewhere(name: str, value: Any, dag: Any) -> None:
    """Raise `ArdRequestError` for a literal secret that Airflow stores outside of the operator as well."""
    if dag is not None and _has_literal(dag.default_args.get(name)):
        raise ArdRequestError(
            f"contains a credential in the DAG's default_args, which Airflow stores in clear; {_STORE_IT}, or pass it "
            "to the operator",
            argument=name,
        )
    if any(_has_literal(mapped) for mapped in _mapped_by_task_group(value)):
        raise ArdRequestError(
            f"contains a credential in the expand() of a task group, which Airflow stores in clear; {_STORE_IT}",
            argument=name,
        )


def _mapped_by_task_group(value: Any) -> Iterator[Any]:
    """Yield the literals that a task group maps over, for each reference to them in a value."""
    if type(value).__name__ == "MappedArgument":
        mapped = getattr(value._input, "value", None)
        if isinstance(mapped, Mapping):
            yield mapped.get(value._key)
        elif isinstance(mapped, list | tuple):
            yield from (item.get(value._key) for item in mapped if isinstance(item, Mapping))
    elif isinstance(value, MaskedValue):
        yield from _mapped_by_task_group(value.value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _mapped_by_task_group(item)


def _has_literal(value: Any) -> bool:
    return next(_literals(mask(value)), None) is not None

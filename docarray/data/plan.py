"""Preprocessing for any training framework: which function gets what of a document, and what is copied.

A document that goes through a plan is copied on write. Copied is the way to what a function is given,
and everything below that, since the function may change it; all the rest is shared with the source.
"""

from __future__ import annotations

import operator
import types
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pydantic

from docarray._hints import annotated
from docarray._typed import portable
from docarray.array.validate import field_adapter
from docarray.array.views import view
from docarray.batch import Batch, field_values, pack_field
from docarray.cells import Tensors
from docarray.data.copies import Copies, Function, copier, shallow_copy
from docarray.errors import InvalidValueError, PathError, PreprocessError, show
from docarray.kinds import identity
from docarray.schema import Field, Schema

__all__ = ['Plan', 'Step']


class Plan:
    """Functions by path, resolved once against a schema, to apply to documents in their order.

    Args:
        schema: The schema of the documents.
        preprocessing: Functions by path: field names joined by ``.`` or ``__``, through nested
            documents and arrays of them, or '' for the document itself.

    Raises:
        PathError: A path names no field.
        InvalidValueError: A value is not callable.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.schema import schema_of
        >>> plan = Plan(schema_of(TextDoc), {'text': str.upper})
        >>> source = TextDoc(text='a')
        >>> plan.apply(source, 0).text, source.text
        ('A', 'a')
    """

    __slots__ = ('_apart', 'preprocessing', 'schema', 'steps')

    def __init__(self, schema: Schema, preprocessing: Mapping[str, Function] | None = None) -> None:
        if not isinstance(preprocessing, (Mapping, types.NoneType)):
            raise InvalidValueError(
                where='preprocessing', got=show(preprocessing), wanted='a dict of functions by path'
            )
        self.schema = schema
        self.preprocessing = types.MappingProxyType(dict(preprocessing or {}))
        self.steps = tuple(Step(schema, path, function) for path, function in self.preprocessing.items())
        # Functions on different fields of the document itself never meet each other's copies.
        names = {step.name for step in self.steps if not step.way}
        self._apart = len(names - {''}) == len(self.steps)

    def __reduce__(self) -> Any:
        functions = {path: portable(function) for path, function in self.preprocessing.items()}
        return Plan, (self.schema, functions)

    def __deepcopy__(self, memo: dict[int, Any]) -> Plan:
        return self  # it never changes

    def apply(self, document: Any, index: int) -> Any:
        """Return a document with all functions applied; the given one stays as it is.

        Args:
            document: A document of the schema's class.
            index: Its place in the data, for errors.

        Raises:
            PreprocessError: A function raised, or returned what its field cannot hold.
        """
        step: Any = None
        try:
            if self._apart:
                made = shallow_copy(document)
                for step in self.steps:
                    step.change(made)
            else:
                copies = Copies()
                made = copies.shallow(document)
                for step in self.steps:
                    made = step.run(made, copies)
        except _StepError as fault:
            raise self._error(fault, step, document, index) from fault.__cause__
        return made

    def apply_columns(self, batch: Batch, indices: Sequence[int]) -> Batch | None:
        """Return columns with all functions applied row by row, or None where that takes documents.

        Args:
            batch: Columns that share no tensor with the source; they are changed.
            indices: The places of the rows in the data, for errors.

        Raises:
            PreprocessError: A function raised, or returned what its field cannot hold.
        """
        if not self._apart:
            return None
        values = [field_values(batch.schema.fields[step.name], batch.data[step.name]) for step in self.steps]
        copies = [
            identity if isinstance(batch.data[step.name], Tensors) else step.copy for step in self.steps
        ]
        kept = [list(column) for column in values]
        step: Any = None
        for row, index in enumerate(indices):
            try:
                for step, column, own in zip(self.steps, values, copies, strict=True):
                    if column[row] is not None:
                        column[row] = step.call(own(column[row]))
            except _StepError as fault:
                raise self._error(fault, step, view(batch, row), index) from fault.__cause__
        for step, column, before in zip(self.steps, values, kept, strict=True):
            if not all(map(operator.is_, column, before)):
                field, where = batch.schema.fields[step.name], f'{step.owner.__name__}.{step.name}'
                batch.data[step.name] = pack_field(field, column, {'framework': '', 'ragged': True}, where)
        return batch

    def _error(self, fault: _StepError, step: Step, document: Any, index: int) -> PreprocessError:
        path = f'.{step.path}' if step.path else ''
        name = getattr(document, 'id', None)
        return PreprocessError(
            where=f'{self.schema.document_type.__name__}{path} of document {index}'
            + (f' (id {name})' if name else ''),
            got=f'{fault.got} from {_name(step.function)}',
            wanted=fault.wanted,
            hint=fault.hint,
        )


class _StepError(Exception):
    """Something went wrong in a step; its cause, if any, is that of the error to raise."""

    def __init__(self, got: str, wanted: str = '', hint: str = '') -> None:
        self.got, self.wanted, self.hint = got, wanted, hint


class Step:
    """One function, and the fields that lead from a document to what it is given.

    Args:
        schema: The schema that the path starts from.
        path: As the user wrote it.
        function: Called with each value there is at the path; None is skipped, on the way or at the
            end. Returns the new value, or None where it changed the given one in place.

    Raises:
        PathError: The path names no field.
        InvalidValueError: The function is not callable.
    """

    __slots__ = ('copy', 'function', 'name', 'owner', 'path', 'validate', 'way')

    def __init__(self, schema: Schema, path: str, function: Function) -> None:
        self.path = path
        fields = _resolve(schema, path)
        self.way, field = fields[:-1], fields[-1] if fields else None
        owner: Any = (self.way[-1].schema if self.way else schema).document_type
        self.owner = owner
        self.name = '' if field is None else field.name
        self.validate: Function = _validator(owner, self.name) if field else owner.model_validate
        self.copy = copier(field)
        if not callable(function):
            raise InvalidValueError(
                where=f'preprocessing[{path!r}]', got=show(function), wanted='a function of one argument'
            )
        self.function = function

    def change(self, document: Any) -> None:
        """Run the function on a field of a document, which is a copy but shares its values."""
        values, name = document.__dict__, self.name
        value = values.get(name)
        if value is not None:
            values[name] = self.call(self.copy(value))
            document.__pydantic_fields_set__.add(name)

    def run(self, document: Any, copies: Copies) -> Any:
        """Run the function wherever its path leads in a document, one of the copies, and return that."""
        if not self.name:
            return copies.shallow(self.call(copies.deep(document, {})))
        parents = [document]
        for field in self.way:
            parents = [child for parent in parents for child in _enter(parent, field, copies)]
        for parent in parents:
            value = parent.__dict__.get(self.name)
            if value is not None:
                parent.__dict__[self.name] = self.call(copies.deep(value, {}))
                parent.__pydantic_fields_set__.add(self.name)
        return document

    def call(self, given: Any) -> Any:
        """Return what a value is after the function, which may change the given one."""
        try:
            returned = self.function(given)
        except Exception as error:
            raise _StepError(show(error, 400)) from error
        if returned is None or returned is given:
            return given
        try:
            return self.validate(returned)
        except pydantic.ValidationError as error:
            raise self._misfit(returned, error) from error

    def _misfit(self, returned: Any, error: pydantic.ValidationError) -> _StepError:
        got = f'{type(returned).__name__} {show(returned)}'
        if not self.name:
            return _StepError(got, f'a {self.owner.__name__}, or None after changes in place')
        fault = error.errors(include_url=False)[0]['msg']
        above = self.path.rpartition(self.name)[0].rstrip('._')
        return _StepError(
            got,
            f'what the field is declared as ({fault})',
            f'Declare a field for it in {self.owner.__name__}, and fill that in a function for the document'
            f' that has {self.name!r} (path {above!r}).',
        )


def _enter(parent: Any, field: Field, copies: Copies) -> list[Any]:
    """Return the documents that a document has in a field, as copies which it now holds instead."""
    values = parent.__dict__
    value = values.get(field.name)
    if value is None:
        return []
    if field.form == 'nested':
        values[field.name] = made = copies.shallow(value)
        return [made]
    documents = [copies.shallow(inner) for inner in field.lowered.spread(value)]
    values[field.name] = field.lowered.collect(documents)
    return documents


def _validator(owner: Any, name: str) -> Function:
    """Return what checks a value for one field, whatever the others are at that time.

    Half way through its functions a document need not agree with itself, so model validators and
    shared axis names are left aside. Fields without validators of their own are checked by their
    type alone, which is several times faster.
    """
    declared = owner.__pydantic_decorators__.field_validators.values()
    if any({name, '*'} & set(one.info.fields) for one in declared):
        return field_adapter(owner, name).validate
    info = owner.model_fields[name]
    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(annotated(info.annotation, info.metadata))
    return adapter.validator.validate_python


def _resolve(schema: Schema, path: Any) -> tuple[Field, ...]:
    if path == '':
        return ()
    where = f'preprocessing[{show(path)}]'
    if not isinstance(path, str):
        raise PathError(
            where=where, got=show(path), wanted="field names joined by '.', or '' for the document"
        )
    try:
        return schema.resolve(path)
    except PathError as error:
        raise PathError(
            where=where,
            got=f'{error.got} of {error.where}',
            wanted=error.wanted,
            hint=error.hint,
        ) from None


def _name(function: Any) -> str:
    while isinstance(function, partial):
        function = function.func
    return getattr(function, '__qualname__', None) or type(function).__qualname__

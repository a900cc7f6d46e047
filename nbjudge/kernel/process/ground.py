"""Known ground: names and settings for the course's own code, whatever a notebook has changed.

Cells of the course (given code, visible checks, hidden tests) and of the student run in one process
and share their names. A student's `list = [1, 2, 3]` would break every later cell that the course
wrote. So the course's cells run with names and settings of their own:

- Names that the course has bound, and Python's builtins, take precedence over the student's, which
  are visible otherwise. The student also gets what the course binds.
- Settings of Python, NumPy, PyTorch, and Matplotlib are those that the course left; the student's
  are restored after the cell.
"""

import builtins
import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Collection, Iterator
from typing import Any

COURSE = "nbjudge_course"
"""Key in the metadata of a request that says that its cell is the course's."""

Namespace = dict[str, Any]
Setting = tuple[Callable[[], Any], Callable[[Any], None]]
"""Functions that read and write a setting."""


class CourseNamespace(Namespace):
    """The global names of the course's cells: its own names first, then the notebook's.

    It holds what the course's cells have bound and Python's builtins. All other names are looked
    up in the notebook's namespace when they are used.

    The student's code calls whatever a hidden test puts in place of one of its parts: a name that
    the notebook already has is bound there, a new one only here.
    """

    def __init__(self, notebook: Namespace, known: Namespace) -> None:
        super().__init__(known)
        super().__setitem__("__builtins__", known)
        super().__setitem__("__name__", notebook.get("__name__", "__main__"))
        self.notebook = notebook
        self.students: Collection[str] = ()  # names that exercises ask students to define
        self.is_hidden = False  # whether bindings now stay out of the notebook's namespace

    def __missing__(self, name: str) -> Any:
        return self.notebook[name]

    def __setitem__(self, name: str, value: Any) -> None:
        is_students = name in self.students or name.startswith("_")
        if self.is_hidden and name not in self.notebook:
            super().__setitem__(name, value)
            return
        self.notebook[name] = value
        if not is_students:
            super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self.pop(name)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self.notebook

    def get(self, name: str, default: Any = None) -> Any:
        """The value of `name`, or `default`."""
        try:
            return self[name]
        except KeyError:
            return default

    def pop(self, name: str, *default: Any) -> Any:
        """Delete a name, in the notebook too."""
        own = [super().pop(name)] if super().__contains__(name) else []
        if name in self.notebook:
            own.append(self.notebook.pop(name))
        if own:
            return own[0]
        if default:
            return default[0]
        raise KeyError(name)

    def update(self, *others: Any, **names: Any) -> None:
        """Bind several names."""
        for name, value in dict(*others, **names).items():
            self[name] = value

    def forget(self, names: Collection[str]) -> None:
        """Leave these names to the student from now on."""
        self.students = frozenset(names)
        for name in self.students & self.keys():
            super().__delitem__(name)


def _set_builtins(wanted: Namespace) -> None:
    current = vars(builtins)
    for name in current.keys() - wanted.keys():
        del current[name]
    current.update(wanted)


def _set_folder(path: str) -> None:
    with contextlib.suppress(OSError):
        os.chdir(path)


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return ""


def _set_device(device: Any) -> None:
    is_cpu = str(device) == "cpu"  # None takes PyTorch's own path, which costs nothing
    sys.modules["torch"].set_default_device(None if is_cpu else device)


def _set_streams(streams: tuple[Any, Any]) -> None:
    sys.stdout, sys.stderr = streams


def _set_filters(filters: list[Any]) -> None:
    warnings.filters[:] = filters  # type: ignore[index]
    warnings._filters_mutated()  # type: ignore[attr-defined]


def _settings() -> Iterator[tuple[str, Setting]]:
    """The settings of the packages imported so far, by name."""
    yield "builtins", (lambda: dict(vars(builtins)), _set_builtins)
    yield "the working folder", (_folder, _set_folder)
    yield "stdout", (lambda: (sys.stdout, sys.stderr), _set_streams)
    yield "warnings", (lambda: list(warnings.filters), _set_filters)
    yield "recursion limit", (sys.getrecursionlimit, sys.setrecursionlimit)
    if numpy := sys.modules.get("numpy"):
        yield "NumPy's error state", (numpy.geterr, lambda state: numpy.seterr(**state))
        yield (
            "NumPy's print options",
            (
                numpy.get_printoptions,
                lambda options: numpy.set_printoptions(**options),
            ),
        )
    if torch := sys.modules.get("torch"):
        yield "PyTorch's default dtype", (torch.get_default_dtype, torch.set_default_dtype)
        yield "PyTorch's gradient mode", (torch.is_grad_enabled, torch._C._set_grad_enabled)
        yield "PyTorch's default device", (torch.get_default_device, _set_device)
        yield (
            "PyTorch's deterministic mode",
            (
                torch.are_deterministic_algorithms_enabled,
                torch.use_deterministic_algorithms,
            ),
        )
        yield (
            "PyTorch's print options",
            (
                lambda: dict(vars(torch._tensor_str.PRINT_OPTS)),
                lambda options: vars(torch._tensor_str.PRINT_OPTS).update(options),
            ),
        )
    if matplotlib := sys.modules.get("matplotlib"):
        yield (
            "Matplotlib's settings",
            (
                lambda: dict(dict.items(matplotlib.rcParams)),
                lambda settings: dict.update(matplotlib.rcParams, settings),
            ),
        )


def _read() -> dict[str, Any]:
    """The current settings."""
    return {name: read() for name, (read, _) in _settings()}


def _write(wanted: dict[str, Any], now: dict[str, Any]) -> None:
    """Apply the settings in `wanted` that differ from those in `now`."""
    for name, (_, write) in _settings():
        if name in wanted and not _is_same(wanted[name], now.get(name)):
            write(wanted[name])


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values of a setting are equal; arrays in them never are."""
    try:
        return one is other or bool(one == other)
    except Exception:  # whatever a student's own `==` raises
        return False


class Ground:
    """The course's names and settings in one kernel."""

    def __init__(self, notebook: Namespace, known: Namespace) -> None:
        """Remember the ground as it is before any cell has run.

        notebook: the names of the notebook's cells
        known:    Python's builtins, with those that IPython adds
        """
        self.names = CourseNamespace(notebook, known)
        self._settings = _read()

    def begin(self, is_hidden: bool, students: Collection[str], is_own: bool = False) -> None:
        """Prepare for a cell of the course.

        is_hidden: whether its bindings stay out of the notebook's namespace
        students:  the names that exercises ask students to define
        is_own:    whether it runs with the student's own settings
        """
        self.names.forget(students)
        self.names.is_hidden = is_hidden
        self._students_settings = _read()
        for name, value in self._students_settings.items():  # of packages imported since
            self._settings.setdefault(name, _DEFAULTS.get(name, lambda value=value: value)())
        if not is_own:
            _write(self._settings, self._students_settings)
        self._is_own = is_own

    def end(self) -> list[str]:
        """Restore the student's settings after the cell, except those that the cell changed.

        Returns the names of the settings that differ between student and course.
        """
        if self._is_own:
            return []
        before, now, wanted = self._settings, _read(), dict(self._students_settings)
        for name, value in now.items():
            if name not in before or not _is_same(
                value, before[name]
            ):  # the course's cell changed it
                wanted[name] = value
        self._settings = now
        _write(wanted, now)
        return [name for name, value in wanted.items() if not _is_same(value, now.get(name))]


def _float32() -> Any:
    return sys.modules["torch"].float32


_DEFAULTS: dict[str, Callable[..., Any]] = {
    "PyTorch's default dtype": _float32,
    "PyTorch's gradient mode": lambda: True,
}
"""Settings that a student may have changed before the course's code first reads them."""

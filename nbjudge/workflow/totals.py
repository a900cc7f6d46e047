"""Points over the term: what `nbjudge grades` and `nbjudge report` say of each student."""

from collections.abc import Mapping

from nbjudge.core.course import Course
from nbjudge.core.term import Total, add_up
from nbjudge.workflow import grades
from nbjudge.workflow.grades import Score


def totals(course: Course, so_far: bool = False) -> list[Total]:
    """The total of everyone in the gradebook, by name; nothing is written.

    An assignment for which a student submitted nothing counts as zero, and is named. Anything else
    without a grade holds the total back. With `so_far`, the total is that of what is graded, and an
    assignment of which nobody has a grade does not count.

    Raises CourseError if the gradebook cannot be used.
    """
    weights = _weights(course)
    found = {name: grades.scores(course, name, so_far) for name in weights}
    maxima = {
        name: next((score.maximum for score in scores if score.is_graded), 0.0)
        for name, scores in found.items()
    }
    begun = {name: weight for name, weight in weights.items() if maxima[name]}
    if not course.term.weights:
        begun = {name: maxima[name] for name in begun}
    undone = [] if so_far else [name for name in weights if name not in begun]
    by_student: dict[str, dict[str, Score]] = {}
    for name, scores in found.items():
        for score in scores:
            by_student.setdefault(score.person.student, {})[name] = score
    return [_total(course, own, begun, undone, so_far) for own in by_student.values()]


def _weights(course: Course) -> dict[str, float]:
    """What each assignment is worth, in teaching order; 1 as a placeholder for its own points."""
    given = course.term.weights
    return {name: given.get(name, 0.0) if given else 1.0 for name in course.assignments
            if not given or given.get(name)}  # fmt: skip


def _total(
    course: Course,
    own: Mapping[str, Score],
    weights: Mapping[str, float],
    undone: list[str],
    so_far: bool,
) -> Total:
    person = next(iter(own.values())).person
    if undone:
        return Total(person, f"nobody is graded in {', '.join(undone)} yet")
    waiting = [
        f"{name}: {score.status}"
        for name, score in own.items()
        if name in weights and not score.is_graded and score.status != grades.NOTHING_SUBMITTED
    ]
    if waiting and not so_far:
        return Total(person, "; ".join(waiting))
    missing = tuple(name for name in weights if own[name].status == grades.NOTHING_SUBMITTED)
    shares = {name: own[name].points / own[name].maximum for name in weights if own[name].is_graded}
    shares |= dict.fromkeys(missing, 0.0)
    counted = {name: weights[name] for name in weights if name in shares}
    if not counted:
        return Total(person, "nothing is graded yet")
    points, dropped = add_up(counted, shares, course.term.drop_lowest)
    return Total(person, "graded", points, sum(counted.values()), dropped, missing)

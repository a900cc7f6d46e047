"""Blank written answers are offered as 0, together, and no other answer is."""

from small_course import NAME, answered, hand_in

from nbjudge import cli
from nbjudge.gradebook.points import entered_points

RIGHT = "def scaled(values, factor):\n    return factor * values"


def points_of_task(course) -> dict[str, float | None]:
    return {
        student: one.person
        for student, found in entered_points(course, NAME).items()
        for one in found
        if one.grade_id == "task"
    }


def test_blank_answers_are_listed_and_all_given_zero(course, capsys):
    def nbjudge(*words: str) -> str:
        assert cli.main(["--course", str(course.root), *words]) == 0
        return capsys.readouterr().out

    hand_in(course, "ada", answered(course, scaled=RIGHT, answer_task="It adds."))
    hand_in(course, "bob", answered(course, scaled=RIGHT))
    hand_in(course, "cleo", answered(course, answer_task="  "))
    hand_in(course, "dan", answered(course, task="Why is the sum not the product? It adds."))
    hand_in(course, "eve", "{")
    nbjudge("grade", NAME)
    shown = nbjudge("blanks", NAME)
    assert "tiny: 2 blank answers wait; --give-zero gives them 0." in shown
    assert "bob" in shown and "cleo" in shown and "dan" not in shown and "eve" not in shown
    assert set(points_of_task(course).values()) == {None}
    assert "tiny: 2 blank answers now have 0 points." in nbjudge("blanks", NAME, "--give-zero")
    zero = dict.fromkeys(("bob", "cleo"), 0)
    assert points_of_task(course) == {"ada": None, "dan": None, "eve": None, **zero}
    assert "tiny: 0 blank answers wait" in nbjudge("blanks", NAME)

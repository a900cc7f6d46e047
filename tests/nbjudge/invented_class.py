"""A class that was never graded: results for the report, at any size, in no time."""

import random
from pathlib import Path

from nbjudge.core.course import Course
from nbjudge.core.people import Person
from nbjudge.pages import report
from nbjudge.pages.class_results import Paper, Question, Results

NAME = "tiny"

QUESTIONS = (
    Question("easy_test", "An easy one", "easy", 2.0, cells=("easy",)),
    Question("hard_test", "A hard one", "hard", 5.0, cells=("hard",)),
    Question("odd_test", "Who knows more does worse", "odd", 2.0, cells=("odd",)),
    Question("task_1", "Why?", "Task 1", 3.0, is_task=True, cells=("answer_1",)),
)


def invented(number, name="Student", reason="the notebook is not valid JSON", source=""):
    """Results of an invented class, in which one question goes the wrong way."""
    generator = random.Random(number)
    papers = []
    for place in range(number):
        person = Person(f"s{place:04}", name, f"No. {place}", "", "")
        if place % 40 == 39:
            papers.append(Paper(person, "failed", reason))
            continue
        ability = generator.gauss(0, 1)
        scores = {
            "easy_test": 2.0 if ability > -1 else 0.0,
            "hard_test": float(min(5, max(0, round(2 + 2 * ability)))),
            "odd_test": 2.0 if ability < generator.gauss(0, 0.5) else 0.0,
        }
        mistakes = {
            question: (f"{question}_{int(generator.paretovariate(1))}", f"`{question}` went wrong.")
            for question, score in scores.items()
            if score == 0
        }
        papers.append(
            Paper(
                person, "graded", scores=scores, mistakes=mistakes,
                seconds=generator.lognormvariate(0, 0.3) * (60 if place == 0 else 1),
                omitted=frozenset({"task_1"} if generator.random() < 0.3 else ()),
                written={"hard": source} if place < 3 and source else {},
            )
        )  # fmt: skip
    missing = tuple(Person(f"m{place}", name, f"Missing {place}", "", "") for place in range(5))
    return Results(NAME, "A class", QUESTIONS, tuple(papers), missing, ())


def rendered(gathered, everywhere=None):
    """The page of results that were never on a disk."""
    course = Course(Path("/nowhere"), "A course")
    return report.page(
        course, [report.section(course, Path(), one, everywhere or {}) for one in gathered]
    )

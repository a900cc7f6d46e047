"""Translation of untrusted TeX formulas into MathML that is safe in a page.

latex2mathml does the translation. Its own text output is not safe: it turns `\\text{<b>}` into
markup. So only its element tree is used, and written out here from a list of what is allowed.
"""

import html
import re
import unicodedata
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from latex2mathml.converter import Converter

LONGEST = 1_500  # characters of one formula
DEEPEST = 30  # levels of nested braces and environments

ELEMENTS = frozenset(
    "math menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms "
    "mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none".split()
)
KEYWORDS = re.compile(r"#?[\w. -]{1,60}")
LENGTH = re.compile(r"-?\d{0,2}(\.\d{1,4})?(em|ex|mu|px|pt|in|cm|mm|%)?")
ATTRIBUTES = {
    **dict.fromkeys(
        "accent accentunder columnalign columnlines display displaystyle fence form largeop "
        "linethickness mathcolor movablelimits notation rowalign rowlines scriptlevel separator "
        "stretchy symmetric".split(),
        KEYWORDS,
    ),
    **dict.fromkeys("depth height lspace maxsize minsize rspace width".split(), LENGTH),
}
PARTS = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "msubsup": 3, "mover": 2, "munder": 2}
ROWS = frozenset("math mrow mstyle mtd msqrt".split())  # whose children are in a row
ARGUMENTS = frozenset("mfrac mi mn msqrt msub msubsup msup".split())  # brackets need no space
LIMITS = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
BIG_OPERATORS = frozenset("∑∏⋃⋂")

# Definitions can grow without bound, \unicode and \rule serve no formula of a course.
REFUSED = re.compile(r"\\(def|newcommand|newenvironment|DeclareMathOperator|unicode|rule)\b")
ALIGNED = re.compile(r"\\(begin|end)\{(?:aligned|split)\}")
OPENING = re.compile(r"\\(?:begin|left)\b|(?<!\\)\{")
CLOSING = re.compile(r"\\(?:end|right)\b|(?<!\\)\}")


def mathml(latex: str, block: bool) -> str:
    """`latex` as a MathML element, or as its source in `<code>` if that fails."""
    source = latex.strip()
    try:
        if not _is_tame(source):
            raise ValueError("too long, too deep, or with definitions of its own")
        source = ALIGNED.sub(
            r"\\\1{align*}", source
        )  # the one of the two that the translator knows
        tree = Converter(display="block" if block else "inline").convert_to_element(source)
        return _written(tree)
    except Exception:  # whatever a hostile formula provokes in the translator
        return f'<code class="formula">{html.escape(latex)}</code>'


def _is_tame(latex: str) -> bool:
    """Whether `latex` is short and flat enough to be translated in no time."""
    if not latex or len(latex) > LONGEST or REFUSED.search(latex):
        return False
    depth = 0
    for step in sorted(
        [(found.start(), 1) for found in OPENING.finditer(latex)]
        + [(found.start(), -1) for found in CLOSING.finditer(latex)]
    ):
        depth += step[1]
        if depth > DEEPEST:
            return False
    return True


def _written(element: Element) -> str:
    """`element` as text, with allowed elements and attributes only.

    Raises ValueError if the translator did not recognize something.
    """
    if element.tag not in ELEMENTS:
        raise ValueError(f"<{element.tag}> is no MathML of ours")
    if len(element) != PARTS.get(element.tag, len(element)):
        raise ValueError(f"<{element.tag}> lacks a part")
    text = html.unescape(element.text or "")  # the translator writes characters as `&#x3B8;`
    if re.match(r"\\\w|&$", text):  # an unknown command, or a column outside a known table
        raise ValueError(f"the translator does not know {text}")
    variant = element.get("mathvariant", "")
    if variant not in ("", "normal"):
        text = _styled(text, variant)
    attributes = "".join(
        f' {name}="{html.escape(value)}"'
        for name, value in element.attrib.items()
        if name in ATTRIBUTES and ATTRIBUTES[name].fullmatch(value)
    )
    if variant == "normal" and element.tag == "mi":
        attributes += ' mathvariant="normal"'
    tag = _tag(element)
    inside = html.escape(text, quote=False) + "".join(_children(element))
    return f"<{tag}{attributes}>{inside}</{tag}>"


def _children(element: Element) -> Iterator[str]:
    """The children as text, with a small space between a function's name and its argument."""
    before = None
    for child in element:
        if element.tag in ROWS and _is_function(before) and child.tag in ARGUMENTS:
            yield '<mspace width="0.167em"></mspace>'
        yield _written(child)
        before = child


def _is_function(element: Element | None) -> bool:
    """Whether this is the name of a function, such as log, with or without an index."""
    if element is not None and element.tag in ("msub", "msup", "msubsup"):
        element = element[0]
    name = "" if element is None or element.tag != "mi" else element.text or ""
    return len(name) > 1 and name.isalpha()


def _tag(element: Element) -> str:
    """The name of `element`, with the limits of a sum below and above it if there is room."""
    is_sum = element.tag in LIMITS and html.unescape(element[0].text or "") in BIG_OPERATORS
    return LIMITS[element.tag] if is_sum else str(element.tag)


def _styled(text: str, variant: str) -> str:
    """`text` in the mathematical letters of `variant`; browsers ignore the attribute itself."""
    style = variant.replace("fraktur", "black-letter").upper().replace("BOLD-", "BOLD ")
    return "".join(_styled_letter(letter, style) for letter in text)


def _styled_letter(letter: str, style: str) -> str:
    name = unicodedata.name(letter, "").replace(" LETTER", "")
    plain = name.removeprefix("LATIN ").removeprefix("GREEK ")
    for candidate in (f"MATHEMATICAL {style} {plain}", f"{style} {plain}"):
        try:
            return unicodedata.lookup(candidate.replace("MATHEMATICAL BLACK-LETTER", FRAKTUR))
        except KeyError:
            continue
    return letter


FRAKTUR = "MATHEMATICAL FRAKTUR"  # a few older letters are called BLACK-LETTER instead

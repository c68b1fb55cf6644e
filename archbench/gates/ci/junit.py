"""Verdicts as JUnit's XML, which every CI system reads."""

from collections.abc import Sequence

from archbench.gates.ci.outcomes import Outcome
from archbench.gates.records import NOTHING, UNDECIDED, UNDECIDED_WORDS
from archbench.libraries import needed
from archbench.one_line import printable

WHOLE = {  # exit codes that need not be any one cell's
    UNDECIDED: "not all could be seen, and --strict counts that",
    NOTHING: "nothing was measured",
}


def junit_xml(outcomes: Sequence[Outcome], suite: str, strict: bool, exit_code: int) -> str:
    """Write one test suite with a case for each cell.

    A regressed cell is a failure, a failed one an error; one that could not be decided is skipped,
    or, under strict, a failure. Where a gate fails as a whole, that is a case too. The suites of
    several gates in one job need different names.
    """
    with needed("junitparser", "JUnit's XML"):
        from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

    cases = TestSuite(suite)
    for one in outcomes:
        case = TestCase(printable(one.cell), suite, one.took_s)
        word, message = one.word.replace("_", " "), printable(one.message)
        if one.word == "regressed" or (strict and one.word in UNDECIDED_WORDS):
            case.result = [Failure(f"{word}: {message}", one.word)]
        elif one.word == "failed":
            case.result = [Error(f"{word}: {message}", one.word)]
        elif one.word in UNDECIDED_WORDS:
            case.result = [Skipped(f"{word}: {message}", one.word)]
        case.system_out = f"{word}: {message}"
        cases.add_testcase(case)
    cases.update_statistics()
    if exit_code in WHOLE and not cases.failures + cases.errors:
        case = TestCase(f"exit code {exit_code}", suite)
        case.result = [Failure(WHOLE[exit_code], "gate")]
        cases.add_testcase(case)
    document = JUnitXml("archbench")
    document.add_testsuite(cases)
    text: str = document.tostring().decode("utf-8")
    return text

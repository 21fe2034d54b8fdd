"""What a check says in words is the same in every format, and is what the numbers say."""

from __future__ import annotations

import pytest

from onnxinv.reports.checks.sentences import about_baseline, advice, corrections, measured, sentence, verdict
from tests.reports.checks.checked import baseline, check_of, finding, output, run, small


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(
            finding("fc2", "broken", value=0.884, half=0.013, bound=0.35),
            "fc2: normalized-variance mean is 0.884 [0.871, 0.897], at most 0.350 allowed",
            id="a largest value",
        ),
        pytest.param(
            finding("fc2", kind="min", below=False),
            "fc2: normalized-variance mean is 0.250 [0.188, 0.312], at least 0.500 demanded",
            id="a smallest value",
        ),
        pytest.param(
            finding("fc2", "broken", kind="max-regression", value=0.31, half=0.008, bound=0.30135, baseline=0.287),
            "fc2: normalized-variance mean is 0.310 [0.302, 0.318]; the baseline's 0.287 allows at most 0.301",
            id="a regression of what should be low",
        ),
        pytest.param(
            finding("fc2", kind="max-regression", value=0.5, half=None, bound=0.375, baseline=0.4, below=False),
            "fc2: normalized-variance mean is 0.500; the baseline's 0.400 demands at least 0.375",
            id="a regression of what should be high",
        ),
        pytest.param(
            output("broken", value=0.625),
            "top1-consistency is 0.625 [0.562, 0.688], at least 0.750 demanded",
            id="the class output is no layer",
        ),
        pytest.param(
            finding("output"),
            "output: normalized-variance mean is 0.250 [0.188, 0.312], at most 0.500 allowed",
            id="a layer may be called output",
        ),
        pytest.param(
            finding("fc2", "uncertain", value=0.484375, half=0.03125, needed=430),
            "fc2: normalized-variance mean is 0.484 [0.453, 0.516], at most 0.500 allowed; the interval holds the "
            "bound: about 430 samples would decide it (200 were measured)",
            id="samples that would decide it",
        ),
        pytest.param(
            finding("fc2", "uncertain", value=0.375, needed="more than 20000"),
            "fc2: normalized-variance mean is 0.375 [0.312, 0.438], at most 0.500 allowed; the interval, corrected "
            "for the number of layers, holds the bound: more than 20000 samples would decide it (200 were measured)",
            id="the plain interval does not hold the bound",
        ),
        pytest.param(
            finding(
                "fc2", "uncertain", kind="max-regression", value=0.31, half=0.02, bound=0.3, baseline=0.29, needed=430
            ),
            "fc2: normalized-variance mean is 0.310 [0.290, 0.330]; the baseline's 0.290 allows at most 0.300; the "
            "interval holds the bound: about 430 samples, of the baseline too, would decide it",
            id="samples that would decide a regression",
        ),
        pytest.param(
            finding("fc2", "not-applicable", value=None, reason="all its channels are infinite"),
            "fc2: normalized-variance mean has no value, at most 0.500 allowed; all its channels are infinite",
            id="no value",
        ),
        pytest.param(
            finding("fc2", "broken", value=None, reason="1 of 4 values is infinite"),
            "fc2: normalized-variance mean is infinite, at most 0.500 allowed; 1 of 4 values is infinite",
            id="an infinite value",
        ),
        pytest.param(
            finding("fc2", "not-applicable", kind="max-regression", bound=None, reason="the baseline lacks it"),
            "fc2: normalized-variance mean is 0.250 [0.188, 0.312]; the baseline lacks it",
            id="no bound",
        ),
        pytest.param(
            finding("fc2", counterpart="fc_2", reason="leaves out 3 channels"),
            "fc2: normalized-variance mean is 0.250 [0.188, 0.312], at most 0.500 allowed; leaves out 3 channels; "
            "was fc_2 in the baseline",
            id="renamed",
        ),
        pytest.param(
            finding("fc2", "broken", value=0.35004, half=None, bound=0.35),
            "fc2: normalized-variance mean is 0.35004, at most 0.35000 allowed",
            id="so close that more digits are needed",
        ),
    ],
)
def test_a_finding_is_a_sentence(found, expected):
    assert sentence(found, 200) == expected


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        pytest.param(check_of(finding("a"), finding("b")), "passed: 2 of 2 limits held", id="all held"),
        pytest.param(check_of(runs=[run()]), "passed: no limit was checked", id="nothing checked"),
        pytest.param(
            check_of(*(finding(name, "broken") for name in ("fc1", "elu6", "fc2")), finding("x", "uncertain")),
            "failed: 3 of 4 broken (fc1, elu6, fc2 of digits); 1 uncertain",
            id="layers that fail are named",
        ),
        pytest.param(
            check_of(*(finding(f"l{place}", "broken") for place in range(7)), finding("l0", "broken", run="other")),
            "failed: 8 of 8 broken (l0, l1, l2, l3, l4 and 2 more of digits; l0 of other)",
            id="many layers of several runs",
        ),
        pytest.param(
            check_of(finding("a", "broken", level="warn"), finding("b", "broken", level="off"), finding("c")),
            "passed: 1 of 3 limits held; 1 warning (a of digits)",
            id="a warning does not fail",
        ),
        pytest.param(
            check_of(finding("a", "broken", level="warn", fails=True), finding("c", "uncertain", fails=True)),
            "failed: 1 of 2 broken (a of digits); 1 uncertain (c of digits), which fails where --strict is set",
            id="strict",
        ),
        pytest.param(
            check_of(finding("a", "not-applicable", value=None), finding("b")),
            "passed: 1 of 2 limits held; 1 not applicable",
            id="not applicable",
        ),
    ],
)
def test_the_verdict_is_a_sentence(report, expected):
    assert verdict(report) == expected


def test_what_to_do_is_said_run_by_run():
    assert list(advice(small())) == [
        "To decide 1 of the 2 that are uncertain in digits, measure about 430 samples (20 were measured), or let "
        "--until-decided find how many it takes.",
        "To decide the rest, more than 2000 samples would be needed (fc3 of digits): rather move the limit away from "
        "the value.",
        "Where a regression is meant, take the new values as the baseline with --update-baseline.",
    ]


def test_the_largest_number_of_samples_decides_all():
    found = [finding("a", "uncertain", needed=50), finding("b", "uncertain", needed=90)]
    assert next(advice(check_of(*found, finding("z")))).startswith(
        "To decide what is uncertain in digits, measure about 90 samples"
    )


def test_regressions_are_decided_by_more_samples_of_the_baseline_too():
    found = [finding(name, "uncertain", kind="max-regression", baseline=0.2, needed=needed)
             for name, needed in (("a", 50), ("b", 90))]  # fmt: skip
    beyond = finding("c", "uncertain", kind="max-regression", baseline=0.2, needed="more than 2000")
    runs = [run(against=baseline())]
    assert list(advice(check_of(finding("a", "uncertain", needed=30), *found, finding("z"), runs=runs))) == [
        "To decide what is uncertain in digits, measure about 30 samples (20 were measured), or let --until-decided "
        "find how many it takes.",
        "To decide the regressions that are uncertain in digits, configure about 90 samples and write a baseline of "
        "as many with the accepted model and --update-baseline.",
    ]
    assert list(advice(check_of(*found, beyond, finding("z"), runs=runs))) == [
        "To decide 2 of the regressions that are uncertain in digits, configure about 90 samples and write a baseline "
        "of as many with the accepted model and --update-baseline.",
        "To decide the rest, more than 2000 samples would be needed (c of digits): rather move the limit away from "
        "the value.",
    ]


def test_regressions_from_other_samples_are_decided_by_the_same_ones():
    found = finding("a", "uncertain", kind="max-regression", baseline=0.2, needed=50)
    assert list(advice(check_of(found, finding("z"), runs=[run(against=baseline(paired=False))]))) == [
        "To decide the regressions that are uncertain in digits, measure the samples of the baseline, or write one of "
        "these samples with the accepted model and --update-baseline."
    ]


def test_inferences_beyond_the_plan_are_no_part_of_it():
    made = run()
    assert measured(made).endswith("40 of 1,200 inferences")
    assert measured(made.model_copy(update={"planned": 8})).endswith(", 40 inferences, more than the 8 planned")


def test_layers_that_only_the_correction_leaves_undecided_are_told():
    found = [
        finding("a", "uncertain", value=0.6),
        finding("b", "uncertain", value=0.5),
        finding("c", "broken", value=0.6),
    ]
    assert list(corrections(found)) == [
        "a: uncertain, since the interval, corrected for the number of layers, holds the bound"
    ]
    assert list(corrections(found[1:])) == []


def test_a_limit_that_is_broken_but_no_regression_asks_for_no_baseline():
    assert list(advice(check_of(finding("a", "broken"), finding("b", kind="max-regression", baseline=0.2)))) == []


def test_layers_that_changed_their_name_or_are_gone_are_told():
    told = list(
        about_baseline(baseline(renamed={"fc2": "fc_2 (matched by name)"}, lost=[f"n{place}" for place in range(12)]))
    )
    assert told[0] == "Baseline: invariance-baseline.json of 2023-12-31, measured on the same samples."
    assert told[1] == "Renamed since the baseline (1): fc2 was fc_2 (matched by name)."
    assert told[2].startswith("Lost since the baseline (12): n0, n1,")
    assert told[2].endswith("n9 and 2 more.")


def test_a_baseline_of_other_samples_says_so():
    assert "on other samples" in next(about_baseline(baseline(paired=False)))


def test_a_check_that_decides_nothing_says_that_it_says_nothing():
    told = "No limit is decided, so that this check says nothing; with --strict it fails."
    unclear, apart = finding("a", "uncertain", needed=30), finding("b", "not-applicable", reason="it has no maps")
    assert next(advice(check_of(unclear, apart))) == told
    assert told not in list(advice(check_of(unclear, finding("b"))))
    assert told not in list(advice(check_of(unclear, finding("b", "broken", level="warn"))))
    assert told not in list(advice(check_of()))

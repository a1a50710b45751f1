"""What makes a monitor notice, and a report and a disclosure harmless: the tests that fail without it."""

from tests.attacks.cuts import NODE, without

WATCH = "mce_exchange/audit/watch.py"
ORDER = "mce_exchange/audit/order.py"
TERMS = "mce_exchange/audit/terms.py"
AUDIT = "tests/audit/test_"

DEFENCES = (
    without(
        "R2",
        AUDIT + "watch.py::test_r2_withheld_bytes_are_an_alarm",
        (WATCH, "if entry.public or self._sees_all():", "if entry.public:"),
    ),
    without(
        "R2",
        AUDIT + "watch.py::test_r1_r2_numbers_are_used_once_and_none_is_left_out",
        (ORDER, "SET broken = CASE WHEN used < highest", "SET broken = CASE WHEN 0"),
    ),
    without(
        "R5",
        AUDIT + "terms.py::test_r5_an_overdue_that_is_false",
        (TERMS, "if row[2] is not None and row[2] < anchor.checkpoint.size:", "if False:"),
    ),
    without(
        "R5",
        AUDIT + "terms.py::test_r5_an_overdue_that_is_missing",
        (TERMS, "        self._missing(now)\n", ""),
        shows="not enough values to unpack|assert",
    ),
    without(
        "L1",
        AUDIT + "watch.py::test_l1_an_anchor_of_another_tree_is_an_alarm",
        (WATCH, "if not equal(root_of(size), anchor.checkpoint.root):", "if False:"),
    ),
    without(
        "H8",
        AUDIT + "watch.py::test_h8_a_log_whose_clock_goes_back_is_an_alarm",
        (WATCH, "or anchor.time < self.now - _SKEW_SECONDS", ""),
    ),
    without(
        "H11",
        AUDIT + "survey.py::test_h11_nothing_in_the_page_acts",
        ("mce_exchange/audit/charts.py", "return escape(one_line(text))", "return text"),
    ),
    without(
        "H10",
        NODE + "erasure.py::test_h10_content_goes_after_its_retention_and_its_evidence_stays",
        (
            "mce_exchange/store/erasing.py",
            "            self._attachments.erase(root)\n",
            "            pass\n",
        ),
        shows="assert",
    ),
)

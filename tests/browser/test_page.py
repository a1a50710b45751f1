"""The page as it is handed out: from a disk, without a network, shown to a person."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from mce_exchange import fingerprint
from mce_exchange.directory.compose import Draft
from mce_exchange.v1 import statement_pb2
from tests.audit.case import Case
from tests.browser.chromium import PAGE, chromium, opened
from tests.reader.vectors import load
from tools.verifier.__main__ import main

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
EXAMPLE = VECTORS / "spec-example" / "example.evidence"
NETWORK = "bad80424e41715dd27d48df8088c139c6e569bba8b54ba1418839d5ea4ed3e86"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """On which nothing goes wrong unseen."""
    found = opened(browser, PAGE)
    faults: list[Any] = []
    found.on("pageerror", lambda error: faults.append(error))
    found.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    yield found
    assert faults == []
    found.close()


def verify(page: Page, path: Path, network: str = NETWORK) -> str:
    page.set_input_files("#file", path)
    page.fill("#fingerprint", network)
    page.click("#go")
    expect(page.locator("#result h2")).to_be_visible()
    return page.locator("#result h2").inner_text()


def outcomes(page: Page) -> list[str]:
    return page.locator(".steps .outcome").all_inner_texts()


def vector(name: str, folder: Path) -> tuple[Path, str]:
    found = load(VECTORS / "mce1" / f"{name}.json").input
    path = folder / "given.evidence"
    path.write_bytes(bytes.fromhex(found["file"]))
    return path, found["network_id"]


def test_the_page_is_the_one_that_its_sources_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["verifier", "--check"])
    assert main() == 0


def test_a_good_file_holds_check_by_check(page: Page) -> None:
    assert verify(page, EXAMPLE) == "The file holds"
    assert outcomes(page) == ["held"] * 7 + ["nothing to check"] * 2
    text = page.locator("#result").inner_text()
    assert "No witnesses: that the log holds this, and the time, is the relay's word alone." in text
    assert "Directory version 1, log size 5" in text
    assert "ML-DSA-65: 6 signatures checked" in text
    assert "the recipient's node had the message durable, opened and valid" in text


def test_the_fingerprint_may_be_words_and_a_wrong_one_is_told(page: Page) -> None:
    words = fingerprint.words(bytes.fromhex(NETWORK))
    assert verify(page, EXAMPLE, f" {words.upper()}\n") == "The file holds"
    for wrong in (words.replace(words.split()[0], "zoo", 1), "abc", "", f"{words} zoo"):
        page.fill("#fingerprint", wrong)
        page.click("#go")
        expect(page.locator("#fingerprint")).to_have_attribute("aria-invalid", "true")
        expect(page.locator("#result h2")).to_have_count(0)
    assert verify(page, EXAMPLE, "00" * 32) == "This file proves nothing"
    assert "Refused at check 1: another network than the fingerprint says (context)" in page.inner_text(
        "#result"
    )


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("faults/log/evidence-record-behind", 6),
        ("faults/log/evidence-statement-cut", 4),
    ],
)
def test_a_false_file_is_refused_at_its_check(page: Page, tmp_path: Path, name: str, step: int) -> None:
    assert verify(page, *vector(name, tmp_path)) == "This file proves nothing"
    found = outcomes(page)
    assert found[step - 1] == "REFUSED"
    assert found.count("REFUSED") == 1
    assert not {"nothing to check", "held as far as this browser can check"} & set(found)


def test_disclosed_streams_and_forks_are_shown(page: Page, tmp_path: Path) -> None:
    assert verify(page, *vector("evidence-attachment", tmp_path)) == "The file holds"
    (disclosed,) = load(VECTORS / "mce1" / "evidence-attachment.json").values["disclosed"]
    assert disclosed["sha256"] in (page.text_content("#result") or "")
    with page.expect_download() as saved:
        page.click("text=Save")
    assert saved.value.suggested_filename == f"message-{disclosed['header_id'][:8]}-stream-1.bin"
    assert Path(saved.value.path()).read_bytes() == b"p" * 300_000
    assert verify(page, *vector("evidence-fork", tmp_path)) == "The file holds"
    assert "the log's key signed two views" in page.inner_text("#result")


def lacking(browser: Browser, *missing: str) -> Page:
    page = browser.contexts[0].new_page()
    page.add_init_script(
        "const real = crypto.subtle.importKey;"
        "SubtleCrypto.prototype.importKey = function (format, key, how, ...rest) {"
        f"  if ({list(missing)}.includes(how.name)) return Promise.reject(new DOMException('no'));"
        "  return real.call(this, format, key, how, ...rest); };"
    )
    page.goto(PAGE.as_uri())
    return page


@pytest.mark.parametrize("missing", ["ML-DSA-65", "ML-DSA-44", "Ed25519"])
def test_what_a_browser_lacks_is_not_checked_and_says_so(browser: Browser, missing: str) -> None:
    page = lacking(browser, missing)
    assert verify(page, EXAMPLE) == "The file holds as far as this browser can check"
    assert f"{missing} signatures. This browser lacks the algorithm" in page.inner_text(
        "#result .warn >> nth=0"
    )
    assert f"{missing}: not checked" in page.inner_text(".algorithms")
    assert "held as far as this browser can check" in outcomes(page)
    page.close()


def test_a_browser_that_lacks_both_halves_gives_no_verdict(browser: Browser) -> None:
    page = lacking(browser, "Ed25519", "ML-DSA-65")
    assert verify(page, EXAMPLE) == "No verdict"
    page.close()


def test_the_page_loads_nothing_and_may_not(browser: Browser) -> None:
    page = browser.contexts[0].new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(PAGE.as_uri())
    verify(page, EXAMPLE)
    assert asked == [PAGE.as_uri()]
    for attempt in (
        "await fetch('data:,x')",
        "await new Promise((done, failed) => Object.assign(new Image(), "
        "{ onload: done, onerror: failed, src: 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=' }))",
        "eval('1')",
        "document.body.innerHTML = '<p>'",
    ):
        # Later, since a debugger's own evaluation is above the policy.
        said = page.evaluate(
            f"new Promise((done) => setTimeout(async () => {{ try {{ {attempt}; done('done'); }}"
            " catch { done('refused'); } }))"
        )
        assert said == "refused", attempt
    page.close()


HOSTILE = "<img src=x onerror=alert(1)>\u202egpj.\u2066\u200b\x1b[31m=cmd()\u2029</script><b>"


class Hostile(Case):
    def draft(self) -> Draft:
        return replace(super().draft(), name=HOSTILE)


def test_h11_names_of_others_do_nothing_on_the_page(page: Page, tmp_path: Path) -> None:
    case = Hostile()
    path = tmp_path / "<img src=x onerror=alert(2)>\u202e.evidence"
    path.write_bytes(b"".join(case.file()))
    assert verify(page, path, case.network_id.hex()) == "The file holds"
    shown = page.locator("dd bdi").first.inner_text()
    assert shown == (
        "<img src=x onerror=alert(1)>\\u{202e}gpj.\\u{2066}\\u{200b}\\u{1b}[31m=cmd()\\u{2029}</script><b>"
    )
    assert "\\u{202e}.evidence" in page.inner_text(".about")
    assert page.locator("img, #result script, #result b").count() == 0
    # Nowhere on the page does a character hide or turn a line around.
    assert (
        page.evaluate(r"/[\u200b\u202a-\u202e\u2066-\u2069\u001b\u2029]/.test(document.body.textContent)")
        is False
    )


class Long(Case):
    """Marks without end."""

    def marks(self, count: int) -> None:
        key = self.people["be"].key
        for number in range(1, count + 1):
            body = statement_pb2.HighWater(
                signers=[key.public.id],
                sender="be",
                recipient="es",
                sequence=number,
                header_id=self.sealed.id,
                log_size=1,
                log_root=b"r" * 32,
            )
            self.log(self.sign("high-water", body.SerializeToString(), key).raw)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    case = Long()
    case.marks(250)
    path = tmp_path_factory.mktemp("long") / "long.evidence"
    path.write_bytes(b"".join(case.file()))
    return path, case.network_id.hex()


def test_a_long_file_is_shown_a_part_at_a_time(page: Page, long: tuple[Path, str]) -> None:
    assert verify(page, *long) == "The file holds"
    rows = page.locator("td:text-is('high-water')")
    assert 0 < rows.count() < 250
    page.locator("text=Show all >> visible=true").click()
    expect(rows).to_have_count(250)
    expect(page.locator("text=Show all >> visible=true")).to_have_count(0)


def test_a_long_file_can_be_given_up(page: Page, long: tuple[Path, str]) -> None:
    page.set_input_files("#file", long[0])
    page.fill("#fingerprint", long[1])
    # As soon as there is something to press: the page takes the click while it reads.
    page.evaluate(
        "new MutationObserver(() => cancel.hidden || cancel.click()).observe(cancel, { attributes: true })"
    )
    page.click("#go")
    expect(page.locator("#said")).to_have_text("Cancelled: nothing was verified.")
    expect(page.locator("#result")).to_be_empty()
    expect(page.locator("#go")).to_be_enabled()


def test_the_page_is_for_everybody_and_for_paper(page: Page) -> None:
    verify(page, EXAMPLE)
    for role, name in (("button", "Verify"), ("textbox", "Root fingerprint of the network")):
        expect(page.get_by_role(role, name=name)).to_be_visible()  # type: ignore[arg-type]  # roles are a Literal
    expect(page.get_by_label("Evidence file or export")).to_be_visible()
    # Whoever listens is taken to the verdict, and hears it.
    expect(page.locator("#result h2")).to_be_focused()
    expect(page.get_by_role("status").first).to_have_text("Done. The file holds.")
    levels = page.locator("h1, h2, h3, h4").evaluate_all("all => all.map((one) => Number(one.tagName[1]))")
    assert all(below <= above + 1 for above, below in pairwise(levels))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(CONTRAST) >= 4.5, scheme
    page.emulate_media(media="print")
    expect(page.locator("#form")).to_be_hidden()
    expect(page.locator("#result h2")).to_be_visible()


# The least contrast of text to what is behind it, as WCAG 2.2 (1.4.3) reckons it.
CONTRAST = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[0-9.]+/g).slice(0, 3)
      .map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
  };
  const every = [...document.querySelectorAll("main *")];
  const texts = every.filter((one) => one.innerText?.trim() && !one.disabled);
  return Math.min(...texts.map((one) => {
    const both = [light(getComputedStyle(one).color), light(behind(one))].sort((a, b) => b - a);
    return (both[0] + 0.05) / (both[1] + 0.05);
  }));
}"""

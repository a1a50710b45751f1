"""The verifier's modules in a browser, told what to judge by files beside their page."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser.chromium import judge, sent
from tests.reader.vectors import Vector, load

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
FOLDER = VECTORS / "mce1"


@dataclass(frozen=True)
class Judge:
    """Follows the network of the vectors, as they ask."""

    page: Page
    folder: Path

    @staticmethod
    def opened(browser: Browser, folder: Path, *cuts: tuple[str, str]) -> "Judge":
        made = Judge(judge(browser, folder, *cuts), folder)
        able = made.call("follow", load(FOLDER / "network.json").input)
        assert able == {"Ed25519": True, "ML-DSA-65": True, "ML-DSA-44": True}
        return made

    def call(self, name: str, value: Any) -> Any:
        return self.page.evaluate(name, sent(self.folder, value))

    def of(self, vectors: list[Vector]) -> list[dict[str, Any]]:
        given = [{"kind": one.kind, "input": looked_at(one)} for one in vectors]
        found: list[dict[str, Any]] = self.call("judge", given)
        assert len(found) == len(vectors)
        return found


def looked_at(vector: Vector) -> dict[str, Any]:
    names = ("index", "statement") if vector.kind == "envelope" else vector.input
    return {name: vector.input[name] for name in names}

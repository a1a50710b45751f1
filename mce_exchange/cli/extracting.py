"""What an evidence file discloses, as files: whole, and only once all of the file holds."""

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from mce_exchange import case, wire
from mce_exchange.audit.report import Disclosed
from mce_exchange.errors import MceError, StoreError, UsageError
from mce_exchange.limits import PAYLOAD_PADDED
from mce_exchange.primitives.verify import equal
from mce_exchange.text import neutralise
from mce_exchange.v1 import envelope_pb2

_SHORT: Final = 16


class Extracting:
    """Takes pieces as they are verified; `keep` gives the files their names, `forget` removes them.

    Names are ours alone: the sender's name of an attachment stands in the message, which may be undisclosed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._part = secrets.token_hex(4)
        self._digests: dict[tuple[str, int], Any] = {}

    def take(self, header_id: bytes, stream: int, data: bytes) -> None:
        """The next piece of a stream; `UsageError` if it cannot be written."""
        key = (header_id.hex(), stream)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._temporary(key), os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "ab") as file:
                file.write(data)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "not a folder's name"
            raise UsageError(f"cannot write into {self._folder}: {why}") from None
        self._digests.setdefault(key, hashlib.sha256()).update(data)

    def keep(self, disclosed: tuple[Disclosed, ...]) -> list[Path]:
        """The files that were disclosed, and a message as text and JSON too; none is overwritten."""
        made: list[Path] = []
        for one in disclosed:
            key = (one.header_id, one.stream)
            if not equal(self._digests[key].hexdigest().encode(), one.sha256.encode()):
                raise UsageError("one stream is disclosed twice in this file: extract nothing of it")
            name = f"{one.header_id[:_SHORT]}-" + (f"attachment-{one.stream}" if one.stream else "message")
            path = self._folder / f"{name}.bin"
            made.append(self._name(self._temporary(key), path))
            if not one.stream:
                made += self._readable(path, name)
        return made

    def forget(self) -> None:
        """Leave nothing behind of what has not been kept."""
        for key in self._digests:
            self._temporary(key).unlink(missing_ok=True)

    def _temporary(self, key: tuple[str, int]) -> Path:
        return self._folder / f".{key[0][:_SHORT]}-{key[1]}.{self._part}"

    def _name(self, temporary: Path, path: Path) -> Path:
        try:
            os.link(temporary, path)
            temporary.unlink()
        except FileExistsError:
            raise UsageError(f"{path} exists already") from None
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror}") from error
        return path

    def _readable(self, path: Path, name: str) -> list[Path]:
        # The proof is of the bytes; whether they are a case message is the case model's to say.
        payload = wire.parse(envelope_pb2.Payload, path.read_bytes(), cap=PAYLOAD_PADDED)
        made = []
        with suppress(MceError):
            message = case.decode(payload.content)
            for ending, text in (("json", case.to_json(message)), ("txt", neutralise(case.render(message)))):
                temporary = self._folder / f".{name}.{self._part}"
                temporary.write_text(text + "\n", "utf-8")
                made.append(self._name(temporary, self._folder / f"{name}.{ending}"))
        return made

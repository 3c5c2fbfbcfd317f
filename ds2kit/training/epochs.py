"""The weights after single epochs: which of them an experiment keeps, to be averaged."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ds2kit import model_folder
from ds2kit.errors import UserError
from ds2kit.files import whole_file
from ds2kit.model import AcousticModel

Scores = Mapping[int, tuple[float, float]]
"""Error rate and loss on dev after each epoch, the first of which is 1."""


def ranked(dev: Scores) -> list[int]:
    """Epochs from the best to the worst: by error rate, then loss, then the earlier one.

    The first is the one that best.ckpt is of. What is no number counts as infinite.
    """

    def standing(epoch: int) -> tuple[float, float, int]:
        rate, loss = (math.inf if math.isnan(number) else number for number in dev[epoch])
        return rate, loss, epoch

    return sorted(dev, key=standing)


def latest(dev: Scores) -> list[int]:
    """Epochs from the last to the first."""
    return sorted(dev, reverse=True)


def kept(dev: Scores, count: int) -> set[int]:
    """The last `count` epochs and the best `count`.

    After an epoch more, all that are kept are that epoch or were kept before: what was removed is
    never wanted again.
    """
    return {*latest(dev)[:count], *ranked(dev)[:count]}


@dataclass(frozen=True)
class Epochs:
    """The folder `epochs` of an experiment: NNN.safetensors, weights after epoch NNN, and dev.json,
    the scores of all epochs.
    """

    folder: Path

    def weights(self, epoch: int) -> Path:
        """Where the weights after an epoch lie."""
        return self.folder / f"{epoch:03}.safetensors"

    @property
    def scores(self) -> Path:
        return self.folder / "dev.json"

    def there(self) -> set[int]:
        """Epochs whose weights lie in the folder."""
        found = self.folder.glob("*.safetensors")
        return {int(path.stem) for path in found if path.stem.isdecimal()}

    def keep(self, model: AcousticModel, dev: Scores, count: int) -> None:
        """At the end of an epoch, the last of `dev`: add its weights, and remove those that are no
        longer of the last `count` or the best `count`.

        Before last.ckpt is written: who is killed on the way takes the epoch's last steps again,
        and comes here again with the same weights and scores. Whenever that is, the weights that
        belong to dev.json are all there.
        """
        if count:
            model_folder.save_weights(self.weights(max(dev)), model)
            self._write_scores(dev)
        for epoch in self.there() - kept(dev, count):
            self.weights(epoch).unlink(missing_ok=True)

    def read_scores(self) -> Scores:
        """The scores of all epochs; none where nothing was kept. Raises UserError for damage."""
        try:
            rows = json.loads(self.scores.read_text(encoding="utf-8"))
            return {int(epoch): (_number(rate), _number(loss)) for epoch, rate, loss in rows}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError):
            raise UserError(
                f"{self.scores} is damaged; copy it again, or train further: "
                "the end of each epoch writes it"
            ) from None

    def _write_scores(self, dev: Scores) -> None:
        # JSON has no infinity: it becomes null.
        rows = [
            [epoch, *(number if math.isfinite(number) else None for number in dev[epoch])]
            for epoch in sorted(dev)
        ]
        with whole_file(self.scores) as aside:
            aside.write_text(json.dumps(rows) + "\n", encoding="utf-8")


def _number(value: float | None) -> float:
    return math.inf if value is None else float(value)

"""What the ranks of a training tell each other beside gradients."""

from __future__ import annotations

import torch.distributed as dist

from ds2kit.errors import UserError


class Joint(UserError):
    """An error of one rank that all ranks raise together, so that none waits for it in vain.

    The first rank tells it; the others end quietly.
    """


def gathered(own: tuple[str, ...], ranks: int) -> tuple[str, ...]:
    """The texts of all ranks in order of the ranks; all must call this together."""
    if ranks == 1:
        return own
    everyone: list[tuple[str, ...]] = [()] * ranks
    dist.all_gather_object(everyone, own)
    return tuple(text for texts in everyone for text in texts)


def raise_together(own: str, ranks: int) -> None:
    """Raise what went wrong somewhere; called by all ranks once they know that something did.

    own: this rank's error, empty where it has none
    """
    errors = gathered((own,) if own else (), ranks)
    raise Joint(errors[0])

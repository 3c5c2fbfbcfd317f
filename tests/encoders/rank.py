"""One rank of `test_ranks.py`: run with RANK, RANKS, the meeting file, and where to write."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import distributed

from ds2kit.encoders.deepspeech2 import DeepSpeech2
from ds2kit.types import Padded

LENGTHS = [21, 4, 13, 9, 0]
SHARES = {
    "even": [[0, 3], [1, 2, 4]],
    "one rank without utterances": [[], [0, 1, 2, 3, 4]],
    "one rank without frames": [[0, 1, 2, 3], [4]],
    "nothing at all": [[4], []],
}


def run(share: list[int]) -> dict[str, torch.Tensor]:
    """Two steps' outputs and gradients of these utterances, and the running statistics."""
    torch.manual_seed(0)
    encoder = DeepSpeech2(6, convolutions="2x2d", channels=[3, 4], width=5, layers=2).double()
    generator = torch.Generator().manual_seed(1)
    batch = torch.randn(len(LENGTHS), max(LENGTHS), 6, generator=generator).double()
    lengths = torch.tensor([LENGTHS[number] for number in share], dtype=torch.int64)
    found = {}
    for step in range(2):
        values = (batch[share] * (step + 1)).requires_grad_()
        output = encoder(Padded(values, lengths)).cleared().values
        weight = torch.arange(output.shape[1] * output.shape[2]).double().sin()
        (output * weight.reshape(output.shape[1:])).sum().backward()
        found |= {f"{step} output {n}": o.detach() for n, o in zip(share, output, strict=True)}
        found |= {f"{step} input {n}": g for n, g in zip(share, values.grad, strict=True)}
    found |= {f"gradient {name}": p.grad for name, p in encoder.named_parameters()}
    return found | {f"buffer {name}": b for name, b in encoder.named_buffers()}


def main(rank: int, ranks: int, meeting: str, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=ranks
    )
    results = {name: run(shares[rank]) for name, shares in SHARES.items()}
    torch.save(results, Path(folder) / f"{rank}.pt")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])

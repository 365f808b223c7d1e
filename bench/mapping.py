"""How many requests become the right lead: `python bench/mapping.py DIR [--require P] [--auto]`.

Reads every sample under DIR (the format of tests/payloads), runs each through its real source and the mapper, with the
clock at the sample's own time, and lists each difference. `--auto` runs all as if nobody had named the provider.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.samples import FIELDS, Sample, judge, read_samples


def main() -> int:
    """Prints a table by provider, the differences, and the one line that counts. Exits 1 under `--require`."""
    asked = _arguments()
    samples = read_samples(asked.dir)
    if not samples:
        print(f"There is no sample under {asked.dir}.")
        return 2
    verdicts = [(sample, judge(sample, as_auto=asked.auto)) for sample in samples]
    whole, right, of = Counter[str](), Counter[str](), Counter[str]()
    for sample, wrong in verdicts:
        of[sample.provider] += 1
        whole[sample.provider] += not wrong
        right[sample.provider] += len(FIELDS) - min(len(wrong), len(FIELDS))
    print(f"{'provider':32} {'samples':>7} {'wholly right':>12} {'fields right':>12}")
    for provider, count in sorted(of.items()):
        print(f"{provider:32} {count:7} {whole[provider]:12} {right[provider] / count / len(FIELDS):12.0%}")
    for line in _differences(verdicts):
        print(line)
    share = 100 * whole.total() / len(samples)
    print(f"wholly right: {whole.total()}/{len(samples)} ({share:.1f} %)")
    return int(share < asked.require)


def _differences(verdicts: list[tuple[Sample, list[str]]]) -> Iterator[str]:
    for sample, wrong in verdicts:
        yield from (f"{sample.name}: {difference}" for difference in wrong)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path)
    parser.add_argument("--require", type=float, default=0, metavar="P", help="exit 1 under P per cent")
    parser.add_argument("--auto", action="store_true", help="as if nobody had named the provider")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

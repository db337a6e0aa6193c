from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from overnight.code import sources, written

Make = Callable[[Mapping[str, str]], Path]


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("torch.save(model, 'net.pt')", "net.pt"),
        ("torch.save(model, f'ckpt/{epoch}/a.pt')", "ckpt"),
        ("torch.save(model, f'{folder}/a.pt')", None),
        ("torch.save(model, './ckpt/' + name)", "ckpt"),
        ("torch.save(model, os.path.join('ckpt', name))", "ckpt"),
        ("torch.save(model, Path('ckpt') / name)", "ckpt"),
        ("torch.save(model, 'ckpt/{}.pt'.format(epoch))", "ckpt"),
        ("OUT = 'ckpt'\nos.makedirs(OUT, exist_ok=True)", "ckpt"),
        ("np.savez('results/a.npz', x)", "results"),
        ("Path('runs/a').mkdir()", "runs"),
        ("open('log.csv', 'a')", "log.csv"),
        ("open('log.csv')", None),
        ("if args.save:\n    torch.save(model, 'net.pt')", None),
        ("if best > last:\n    torch.save(model, 'net.pt')", "net.pt"),
        ("TrainingArguments(output_dir='out')", "out"),
        ("SummaryWriter(log_dir='tb')", "tb"),
        ("os.makedirs('/tmp/x')", None),
        ("os.makedirs('../x')", None),
        ("os.makedirs('.')", None),
        ("os.makedirs('data/mnist')", None),
        ("os.makedirs('src_code/made')", "src_code/made"),
        ("os.makedirs('a\\x00b')", None),
    ],
)
def test_literal_paths_are_outputs(make: Make, line: str, path: str | None) -> None:
    """The top of each path that is written, where it is inside and holds no code."""
    root = make({"train.py": line + "\n", "src_code/net.py": ""})
    project = sources.Project(root)
    module = project.module("train.py")
    assert module is not None
    assert [each.path for each in written.find(project, [module])] == ([path] if path else [])

"""Six steps of DVCLive below the folder of argv[1]."""

import os
import sys


def main() -> None:
    os.environ.update(DVC_NO_ANALYTICS="1", DVCLIVE_LOG_LEVEL="ERROR")
    os.chdir(sys.argv[1])
    from dvclive import Live

    with Live("dvclive", save_dvc_exp=False, dvcyaml=None, report=None) as live:
        for step in range(6):
            live.log_metric("val/f1", step / 8)
            live.log_metric("loss", 1 / (step + 1))
            live.next_step()


main()

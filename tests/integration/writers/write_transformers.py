"""A tiny model with the HF Trainer: `trainer_state.json` and `*_results.json` below argv[1]."""

import json
import sys

import torch
from transformers import Trainer, TrainingArguments


class Tiny(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 2)

    def forward(self, x, labels):
        logits = self.layer(x)
        return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}


torch.manual_seed(0)
torch.set_num_threads(1)
rows = [{"x": torch.randn(4), "labels": int(place % 2)} for place in range(32)]
arguments = TrainingArguments(
    output_dir=sys.argv[1],
    num_train_epochs=3,
    per_device_train_batch_size=8,
    logging_steps=2,
    eval_strategy="epoch",
    save_strategy="epoch",
    load_best_model_at_end=True,
    metric_for_best_model="accuracy",
    greater_is_better=True,
    report_to=[],
    use_cpu=True,
    disable_tqdm=True,
)
values = iter([0.25, 0.75, 0.5, 0.75])
trainer = Trainer(
    model=Tiny(),
    args=arguments,
    train_dataset=rows,
    eval_dataset=rows[:8],
    compute_metrics=lambda predicted: {"accuracy": next(values)},
)
result = trainer.train()
trainer.save_state()
trainer.save_metrics("train", result.metrics)
trainer.save_metrics("eval", trainer.evaluate())
with open(f"{sys.argv[1]}/told.json", "w") as file:
    json.dump(trainer.state.log_history, file)

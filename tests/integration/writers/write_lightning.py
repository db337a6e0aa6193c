"""A few epochs of a tiny model, logged by Lightning's CSVLogger below the folder of argv[1]."""

import json
import sys

import lightning
import torch
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader, TensorDataset

TOLD = []


class Model(lightning.LightningModule):
    def __init__(self, width: int = 4, rate: float = 0.1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(width, 1)

    def training_step(self, batch, number):
        loss = (self.layer(batch[0]) ** 2).mean()
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch, number):
        self.log("val_loss", (self.layer(batch[0]) ** 2).mean())
        if self.current_epoch > 0:
            self.log("val/late", 0.5 * self.current_epoch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.rate)


class Telling(CSVLogger):
    """Keeps what it was told, to be compared with what lies in the file."""

    def log_metrics(self, metrics, step=None):
        TOLD.append({"step": step, **{name: float(value) for name, value in metrics.items()}})
        super().log_metrics(metrics, step)


torch.manual_seed(0)
torch.set_num_threads(1)
data = DataLoader(TensorDataset(torch.randn(32, 4)), batch_size=8)
trainer = lightning.Trainer(
    max_epochs=3,
    logger=Telling(sys.argv[1], name="lightning_logs", flush_logs_every_n_steps=1),
    log_every_n_steps=2,
    accelerator="cpu",
    enable_progress_bar=False,
    enable_model_summary=False,
    enable_checkpointing=False,
    num_sanity_val_steps=0,
)
trainer.fit(Model(), data, data)
with open(f"{sys.argv[1]}/told.json", "w") as file:
    json.dump(TOLD, file)

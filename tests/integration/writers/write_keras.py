"""A tiny fit with Keras's CSVLogger, twice into one file, and the history as JSON (argv[1])."""

import json
import os
import sys

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np

keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
y = x.sum(axis=1)
model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
log = keras.callbacks.CSVLogger(os.path.join(sys.argv[1], "training.log"))
history = model.fit(x, y, epochs=3, validation_split=0.25, verbose=0, callbacks=[log])
with open(os.path.join(sys.argv[1], "history.json"), "w") as file:
    json.dump(history.history, file)
more = keras.callbacks.CSVLogger(os.path.join(sys.argv[1], "training.log"), append=True)
model.fit(x, y, epochs=2, validation_split=0.25, verbose=0, callbacks=[more])

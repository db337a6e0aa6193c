"""Real trainings on real servers, broken with real signals and real files: `make chaos`."""

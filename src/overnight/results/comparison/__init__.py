"""Arms of runs beside each other: outcomes, groups over seeds, statistics, tests, remarks."""

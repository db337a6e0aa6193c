"""What the readers of tables and JSON share: whole lines, cells, columns, numbers."""

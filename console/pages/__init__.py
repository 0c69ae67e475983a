"""The console's pages, a folder for each area: views, forms, URLs."""

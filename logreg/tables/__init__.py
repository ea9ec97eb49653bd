"""Tables: CSV and its kin, Parquet, Excel sheets and data frames, read in chunks of rows."""

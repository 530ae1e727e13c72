//! SQL Server 2016 and later, read through tiberius.

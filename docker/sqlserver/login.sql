-- The login that Celosia reads the orders by. Run by an administrator, after orders.sql; runs again without harm. sqlcmd takes
-- $(reader_password) from its environment.
SET NOCOUNT ON;
USE orders;
IF SUSER_ID(N'celosia_reader') IS NULL
    CREATE LOGIN celosia_reader WITH PASSWORD = N'$(reader_password)', DEFAULT_DATABASE = orders;
ELSE
    ALTER LOGIN celosia_reader WITH PASSWORD = N'$(reader_password)';
GO
-- Any login sees the names of all databases unless it is told not to.
USE master;
DENY VIEW ANY DATABASE TO celosia_reader;
GO
USE orders;
IF USER_ID(N'celosia_reader') IS NULL CREATE USER celosia_reader FOR LOGIN celosia_reader;
GO
-- Table by table: what is added later stays closed until somebody opens it.
GRANT SELECT ON dbo.orders TO celosia_reader;
GRANT VIEW DEFINITION ON dbo.orders TO celosia_reader;
GO

CREATE TABLE clients (id int PRIMARY KEY, code nvarchar(20) COLLATE SQL_Latin1_General_CP1_CI_AS, other nvarchar(20) COLLATE SQL_Latin1_General_CP1_CI_AS, exact nvarchar(20) COLLATE Latin1_General_BIN2, tag nchar(8) COLLATE Latin1_General_BIN2, size int)
GO
CREATE TABLE cards (serial nvarchar(20) COLLATE Latin1_General_BIN2 NOT NULL UNIQUE, holder int)
GO
INSERT INTO clients VALUES (1, N'A', N'a', N'a', N'a', 3), (2, N'b', N'b', N'B', N'b', 4)
GO

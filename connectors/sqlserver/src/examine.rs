//! What the login may do beyond reading, from the server's own functions about itself.

use crate::catalog_rows::text;
use crate::connection::Lease;
use crate::stream;
use celosia_connector_api::{ConnectorError, Examination, Finding, Right, Severity};

const OWN_LOGIN: &str = "give the source a login of its own: CREATE LOGIN celosia ...; CREATE USER celosia; \
    ALTER ROLE db_datareader ADD MEMBER celosia";

const RIGHTS: &[Right] = &[
    right(
        "server role",
        Severity::Danger,
        "the login is in server roles that administer",
        OWN_LOGIN,
    ),
    right(
        "server right",
        Severity::Danger,
        "the login has rights on the server",
        "REVOKE them from the login",
    ),
    right(
        "database role",
        Severity::Danger,
        "the user is in database roles that write or administer",
        "ALTER ROLE ... DROP MEMBER",
    ),
    right(
        "database right",
        Severity::Danger,
        "the user may write or administer in the database",
        "REVOKE these rights from the user and from public",
    ),
    right(
        "shell",
        Severity::Danger,
        "the login may run programs by xp_cmdshell",
        "REVOKE EXECUTE on xp_cmdshell; sp_configure 'xp_cmdshell', 0",
    ),
    right(
        "table",
        Severity::Danger,
        "the user may write to tables",
        "REVOKE INSERT, UPDATE, DELETE, ALTER on these tables",
    ),
    right(
        "trustworthy",
        Severity::Warning,
        "the database is trustworthy: its owner's code reaches the server",
        "ALTER DATABASE ... SET TRUSTWORTHY OFF",
    ),
];

const fn right(
    check: &'static str,
    severity: Severity,
    text: &'static str,
    advice: &'static str,
) -> Right {
    Right { check, severity, text, advice }
}

/// Pairs of a check and a name, and in the first row who asks.
pub(crate) const TOLD: &str = "\
    SELECT 'login' AS what, CAST(SUSER_SNAME() AS nvarchar(256)) AS name \
    UNION ALL SELECT 'server role', v.name FROM (VALUES (N'sysadmin'), (N'serveradmin'), (N'securityadmin'), \
      (N'processadmin'), (N'setupadmin'), (N'bulkadmin'), (N'diskadmin'), (N'dbcreator')) v (name) \
      WHERE IS_SRVROLEMEMBER(v.name) = 1 \
    UNION ALL SELECT 'server right', CAST(p.permission_name AS nvarchar(256)) \
      FROM sys.fn_my_permissions(NULL, 'SERVER') p \
      WHERE p.permission_name NOT IN (N'CONNECT SQL', N'VIEW ANY DATABASE', N'VIEW SERVER STATE', N'VIEW ANY DEFINITION', \
        N'VIEW SERVER PERFORMANCE STATE', N'VIEW ANY COLUMN ENCRYPTION KEY DEFINITION', N'VIEW ANY COLUMN MASTER KEY DEFINITION') \
    UNION ALL SELECT 'database role', v.name FROM (VALUES (N'db_owner'), (N'db_securityadmin'), (N'db_accessadmin'), \
      (N'db_backupoperator'), (N'db_ddladmin'), (N'db_datawriter')) v (name) WHERE IS_ROLEMEMBER(v.name) = 1 \
    UNION ALL SELECT 'database right', CAST(p.permission_name AS nvarchar(256)) \
      FROM sys.fn_my_permissions(NULL, 'DATABASE') p \
      WHERE p.permission_name IN (N'INSERT', N'UPDATE', N'DELETE', N'EXECUTE', N'ALTER', N'CONTROL', N'TAKE OWNERSHIP', \
        N'CREATE TABLE', N'CREATE PROCEDURE', N'CREATE FUNCTION', N'CREATE ASSEMBLY', N'ALTER ANY USER', N'ALTER ANY ROLE', \
        N'BACKUP DATABASE', N'UNMASK') \
    UNION ALL SELECT 'shell', N'' WHERE HAS_PERMS_BY_NAME(N'master.sys.xp_cmdshell', 'OBJECT', 'EXECUTE') = 1 \
    UNION ALL SELECT 'table', CONCAT(s.name, N'.', o.name) FROM sys.objects o \
      JOIN sys.schemas s ON s.schema_id = o.schema_id WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 \
      AND 1 IN (HAS_PERMS_BY_NAME(CONCAT(QUOTENAME(s.name), N'.', QUOTENAME(o.name)), 'OBJECT', 'INSERT'), \
        HAS_PERMS_BY_NAME(CONCAT(QUOTENAME(s.name), N'.', QUOTENAME(o.name)), 'OBJECT', 'UPDATE'), \
        HAS_PERMS_BY_NAME(CONCAT(QUOTENAME(s.name), N'.', QUOTENAME(o.name)), 'OBJECT', 'DELETE'), \
        HAS_PERMS_BY_NAME(CONCAT(QUOTENAME(s.name), N'.', QUOTENAME(o.name)), 'OBJECT', 'ALTER')) \
    UNION ALL SELECT 'trustworthy', N'' FROM sys.databases d WHERE d.name = DB_NAME() AND d.is_trustworthy_on = 1 \
      AND d.name <> N'msdb'";

/// Examines the login and gives the lease back. Nothing is tried: a statement that must be refused could
/// raise an alarm at the server.
pub(crate) async fn examine(mut lease: Lease) -> Result<Examination, ConnectorError> {
    let rows = match stream::records(&mut lease, TOLD.to_string(), &[]).await {
        Ok(rows) => rows,
        Err(error) => return Err(lease.failed(error, "examining the login")),
    };
    lease.finish();
    let (mut login, mut told) = (String::new(), Vec::new());
    for row in &rows {
        let cell = |at| text(row, at).unwrap_or_default().to_string();
        let (what, name) = (cell(0), cell(1));
        if what == "login" {
            login = name;
        } else {
            told.push((what, name));
        }
    }
    let mut found = Examination::of_rights(login, RIGHTS, &told);
    let rolled_back =
        "every statement runs in a transaction that is rolled back; no write was tried";
    found.findings.push(Finding::new(Severity::Note, rolled_back, ""));
    Ok(found)
}

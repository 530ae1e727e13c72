//! What the login may do beyond reading, from the session's own dictionary views.

use crate::driver::{Connection, Failure};
use celosia_connector_api::{Examination, Finding, Right, Severity};

const OWN_LOGIN: &str =
    "give the source a login of its own with CREATE SESSION and SELECT on what is to be read";

const RIGHTS: &[Right] = &[
    right("administrator", Severity::Danger, "the session is an administrator's", OWN_LOGIN),
    right(
        "any",
        Severity::Danger,
        "the login has rights on everybody's objects",
        "REVOKE these system privileges",
    ),
    right(
        "system",
        Severity::Danger,
        "the login may change the database",
        "REVOKE these system privileges",
    ),
    right("role", Severity::Danger, "the login has roles that administer", "REVOKE these roles"),
    right(
        "write",
        Severity::Danger,
        "the login may write to tables",
        "REVOKE INSERT, UPDATE, DELETE, ALTER on these tables",
    ),
    right(
        "package",
        Severity::Danger,
        "the login was granted packages that reach files, programs or the network",
        "REVOKE EXECUTE on these packages",
    ),
    right(
        "create",
        Severity::Warning,
        "the login may create objects of its own",
        "REVOKE these system privileges",
    ),
    right(
        "owner",
        Severity::Warning,
        "the login owns tables, for whose owner no grant holds",
        OWN_LOGIN,
    ),
    right(
        "clear",
        Severity::Warning,
        "the connection is not encrypted by TLS",
        "connect by oracles://, or see that native network encryption is required by the server",
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

/// Pairs of a check and a name. `READ ANY` and `SELECT ANY` read everybody's tables, which is more than what is
/// to be read.
pub(crate) const TOLD: &str = "\
    SELECT 'login', SYS_CONTEXT('USERENV', 'SESSION_USER') FROM dual \
    UNION ALL SELECT 'administrator', 'SYSDBA' FROM dual WHERE SYS_CONTEXT('USERENV', 'ISDBA') = 'TRUE' \
    UNION ALL SELECT 'any', privilege FROM session_privs WHERE privilege LIKE '% ANY %' \
    UNION ALL SELECT 'system', privilege FROM session_privs WHERE privilege IN ('ALTER DATABASE', 'ALTER SYSTEM', \
      'ALTER USER', 'CREATE USER', 'DROP USER', 'BECOME USER', 'EXEMPT ACCESS POLICY', 'EXEMPT REDACTION POLICY', \
      'CREATE EXTERNAL JOB', 'UNLIMITED TABLESPACE', 'SYSDBA', 'SYSOPER', 'SYSBACKUP', 'GRANT ROLE') \
    UNION ALL SELECT 'role', role FROM session_roles WHERE role IN ('DBA', 'IMP_FULL_DATABASE', 'EXP_FULL_DATABASE', \
      'DATAPUMP_IMP_FULL_DATABASE', 'DATAPUMP_EXP_FULL_DATABASE', 'EXECUTE_CATALOG_ROLE', 'SCHEDULER_ADMIN', 'JAVASYSPRIV', \
      'JAVA_ADMIN', 'PDB_DBA', 'RESOURCE', 'AQ_ADMINISTRATOR_ROLE') \
    UNION ALL SELECT DISTINCT 'write', owner || '.' || table_name FROM user_tab_privs_recd \
      WHERE privilege IN ('INSERT', 'UPDATE', 'DELETE', 'ALTER') \
    UNION ALL SELECT DISTINCT 'package', table_name FROM user_tab_privs_recd WHERE privilege = 'EXECUTE' AND table_name IN \
      ('UTL_FILE', 'UTL_HTTP', 'UTL_TCP', 'UTL_SMTP', 'DBMS_SCHEDULER', 'DBMS_JOB', 'DBMS_SYS_SQL', 'DBMS_XMLGEN', \
      'DBMS_ADVISOR', 'DBMS_JAVA', 'HTTPURITYPE', 'DBMS_FILE_TRANSFER') \
    UNION ALL SELECT 'create', privilege FROM session_privs WHERE privilege LIKE 'CREATE %' \
      AND privilege NOT LIKE '% ANY %' AND privilege NOT IN ('CREATE SESSION', 'CREATE USER', 'CREATE EXTERNAL JOB') \
    UNION ALL SELECT 'owner', table_name FROM user_tables \
    UNION ALL SELECT 'clear', '' FROM dual WHERE SYS_CONTEXT('USERENV', 'NETWORK_PROTOCOL') <> 'tcps'";

/// Asks the dictionary on a session's connection. Nothing is tried: in Oracle a DDL statement commits.
pub(crate) fn read(connection: &mut dyn Connection) -> Result<Examination, Failure> {
    let (mut login, mut told) = (String::new(), Vec::new());
    for row in connection.rows(TOLD, &[])? {
        let cell = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
        if cell(0) == "login" {
            login = cell(1);
        } else {
            told.push((cell(0), cell(1)));
        }
    }
    let mut found = Examination::of_rights(login, RIGHTS, &told);
    let note = "every transaction is SET TRANSACTION READ ONLY; no write was tried";
    found.findings.push(Finding::new(Severity::Note, note, ""));
    Ok(found)
}

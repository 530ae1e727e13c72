//! What the login may do beyond reading, from the server's catalog; and whether writes are refused.

use crate::lease::Lease;
use celosia_connector_api::{ConnectorError, Examination, Finding, Right, Severity};
use sqlx::{AssertSqlSafe, Executor, Row};

const OWN_LOGIN: &str = "give the source a login of its own with SELECT on what is to be read: \
    CREATE ROLE celosia LOGIN PASSWORD '...'; GRANT SELECT ON ALL TABLES IN SCHEMA ... TO celosia";

const RIGHTS: &[Right] = &[
    right("superuser", Severity::Danger, "the login is a superuser", OWN_LOGIN),
    right(
        "role",
        Severity::Danger,
        "the login may administer",
        "ALTER ROLE ... with NOCREATEROLE NOCREATEDB NOREPLICATION",
    ),
    right(
        "bypassrls",
        Severity::Danger,
        "row-level security does not hold for the login",
        "ALTER ROLE ... NOBYPASSRLS",
    ),
    right(
        "predefined",
        Severity::Danger,
        "the login is in roles that reach the server's files, programs or all tables",
        "REVOKE these roles from the login",
    ),
    right(
        "set role",
        Severity::Danger,
        "the login may become roles that administer",
        "REVOKE these roles from the login",
    ),
    right(
        "write",
        Severity::Danger,
        "the login may write to tables",
        "REVOKE INSERT, UPDATE, DELETE, TRUNCATE on these tables",
    ),
    right(
        "owner",
        Severity::Danger,
        "the login owns tables, for whose owner no grant and no row-level security holds",
        OWN_LOGIN,
    ),
    right(
        "function",
        Severity::Danger,
        "the login may call functions that reach files or other servers",
        "REVOKE EXECUTE on these functions",
    ),
    right(
        "create",
        Severity::Warning,
        "the login may create objects in schemas",
        "REVOKE CREATE on these schemas (up to version 14 everybody may in public)",
    ),
    right(
        "database",
        Severity::Warning,
        "the login may create schemas in the database",
        "REVOKE CREATE on the database",
    ),
    right(
        "definer",
        Severity::Warning,
        "the login may call functions that run with a superuser's rights",
        "REVOKE EXECUTE on these functions from PUBLIC",
    ),
    right("foreign", Severity::Note, "the login may use foreign servers", ""),
    right("member", Severity::Note, "the login is a member of", ""),
];

const fn right(
    check: &'static str,
    severity: Severity,
    text: &'static str,
    advice: &'static str,
) -> Right {
    Right { check, severity, text, advice }
}

/// A superuser has every right, so nothing else is told of one.
const TOLD: &str = "\
    WITH me AS (SELECT * FROM pg_roles WHERE rolname = current_user), \
    reach AS (SELECT r.* FROM pg_roles r WHERE r.rolname <> current_user AND pg_has_role(current_user, r.oid, 'MEMBER')), \
    tables AS (SELECT c.oid, c.relowner, format('%s.%s', n.nspname, c.relname) AS name \
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
      WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
        AND has_schema_privilege(n.oid, 'USAGE')), \
    told AS ( \
      SELECT 'superuser' AS what, '' AS name FROM me WHERE rolsuper \
      UNION ALL SELECT 'role', v.name FROM me, LATERAL (VALUES ('roles', rolcreaterole), ('databases', rolcreatedb), \
        ('replication', rolreplication)) v (name, has) WHERE v.has \
      UNION ALL SELECT 'bypassrls', '' FROM me WHERE rolbypassrls \
      UNION ALL SELECT 'predefined', rolname FROM reach WHERE rolname IN ('pg_read_server_files', \
        'pg_write_server_files', 'pg_execute_server_program', 'pg_write_all_data', 'pg_maintain', 'pg_signal_backend') \
      UNION ALL SELECT 'set role', rolname FROM reach \
        WHERE rolsuper OR rolcreaterole OR rolreplication OR rolbypassrls \
      UNION ALL SELECT 'write', name FROM tables \
        WHERE has_table_privilege(oid, 'INSERT, UPDATE, DELETE, TRUNCATE') OR has_any_column_privilege(oid, 'INSERT, UPDATE') \
      UNION ALL SELECT 'owner', name FROM tables WHERE pg_has_role(current_user, relowner, 'USAGE') \
      UNION ALL SELECT DISTINCT 'function', p.proname FROM pg_proc p \
        WHERE p.proname IN ('pg_read_file', 'pg_read_binary_file', 'pg_ls_dir', 'pg_stat_file', 'lo_import', 'lo_export', \
          'dblink', 'dblink_exec', 'dblink_connect', 'pg_file_write') AND has_function_privilege(p.oid, 'EXECUTE') \
      UNION ALL SELECT 'create', nspname FROM pg_namespace \
        WHERE nspname !~ '^pg_' AND has_schema_privilege(oid, 'CREATE') \
      UNION ALL SELECT 'database', '' WHERE has_database_privilege(current_database(), 'CREATE') \
      UNION ALL SELECT DISTINCT 'definer', format('%s.%s', n.nspname, p.proname) FROM pg_proc p \
        JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles o ON o.oid = p.proowner \
        WHERE p.prosecdef AND o.rolsuper AND n.nspname <> 'pg_catalog' AND has_schema_privilege(n.oid, 'USAGE') \
          AND has_function_privilege(p.oid, 'EXECUTE') \
      UNION ALL SELECT 'foreign', srvname FROM pg_foreign_server WHERE has_server_privilege(oid, 'USAGE') \
      UNION ALL SELECT 'member', rolname FROM reach WHERE rolname !~ '^pg_') \
    SELECT what::text, name::text FROM told, me WHERE NOT me.rolsuper OR told.what = 'superuser' ORDER BY 1, 2";

const SESSION: &str = "\
    SELECT current_user::text, current_setting('server_version_num')::int, \
      coalesce((SELECT s.ssl FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()), false), \
      inet_client_addr() IS NULL OR inet_client_addr() << inet '127.0.0.0/8' OR inet_client_addr() = inet '::1', \
      current_setting('default_transaction_read_only') = 'on'";

/// The minor release of each supported major version before which sampled values of hidden rows can show
/// through the planner (CVE-2025-8713) or row-level security can be passed by (CVE-2024-10976).
const SAFE_MINOR: &[(i32, i32)] = &[(13, 22), (14, 19), (15, 14), (16, 10), (17, 6)];

/// Examines the login and gives the lease back.
pub(crate) async fn examine(mut lease: Lease, probe: bool) -> Result<Examination, ConnectorError> {
    match look(&mut lease, probe).await {
        Ok(found) => {
            lease.finish();
            Ok(found)
        }
        Err(error) => Err(lease.failed(error, "examining the login").await),
    }
}

async fn look(lease: &mut Lease, probe: bool) -> Result<Examination, sqlx::Error> {
    let gone = |_| sqlx::Error::PoolClosed;
    let connection = lease.connection().map_err(gone)?;
    let session = sqlx::query(SESSION).persistent(false).fetch_one(&mut *connection).await?;
    let told = sqlx::query(TOLD).persistent(false).fetch_all(&mut *connection).await?;
    let told: Result<Vec<(String, String)>, sqlx::Error> =
        told.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect();
    let mut found = Examination::of_rights(session.try_get(0)?, RIGHTS, &told?);
    found.findings.push(version(session.try_get(1)?));
    found.findings.push(transport(session.try_get(2)?, session.try_get(3)?));
    if !probe {
        return Ok(found);
    }
    let read_only: bool = session.try_get(4)?;
    if !read_only {
        let text = "sessions are not read-only by default";
        found.findings.push(Finding::new(Severity::Danger, text, "ask for help: this is a defect"));
    }
    // No transaction that is begun here is ever committed.
    for (begin, expected, refused, done) in PROBES {
        connection.execute(sqlx::raw_sql(AssertSqlSafe(*begin))).await?;
        let written = connection.execute(sqlx::raw_sql(PROBE)).await;
        connection.execute(sqlx::raw_sql("ROLLBACK")).await?;
        found.findings.push(match written {
            Err(sqlx::Error::Database(error))
                if error.code().is_some_and(|c| expected.contains(&&*c)) =>
            {
                Finding::fine(*refused)
            }
            Err(error @ sqlx::Error::Database(_)) => {
                tracing::debug!(%error, "a probe was refused for another reason");
                Finding::new(
                    Severity::Note,
                    "a write was refused, but not for the expected reason",
                    "",
                )
            }
            Err(error) => return Err(error),
            Ok(_) => Finding::new(Severity::Warning, *done, OWN_LOGIN),
        });
    }
    Ok(found)
}

/// A table that would be empty and that nobody would ever see.
const PROBE: &str = "CREATE TABLE public.celosia_doctor_probe ()";

type Probe = (&'static str, &'static [&'static str], &'static str, &'static str);

const PROBES: &[Probe] = &[
    (
        "BEGIN",
        &["25006"],
        "a write in a session is refused, since it is read-only (tried: CREATE TABLE)",
        "a write in a read-only session was accepted (and rolled back)",
    ),
    (
        // What a session could do if somebody got it to lift its own read-only setting.
        "BEGIN READ WRITE",
        &["42501", "3F000"],
        "a write is refused for want of a right, even where the session were not read-only (tried: CREATE TABLE)",
        "the login could create a table if the session were not read-only (tried and rolled back)",
    ),
];

fn version(number: i32) -> Finding {
    let (major, minor) = (number / 10_000, number % 10_000);
    let advice = "update the server";
    match SAFE_MINOR.iter().find(|(known, _)| *known == major) {
        Some((_, safe)) if minor < *safe => {
            let text = format!(
                "version {major}.{minor} has known leaks past views and row-level security, mended in {major}.{safe}"
            );
            Finding::new(Severity::Warning, text, advice)
        }
        None if major < 13 => {
            let text = format!("version {major} gets no security updates any more");
            Finding::new(Severity::Warning, text, advice)
        }
        _ => Finding::fine(format!("version {major}.{minor} has no leak that is known here")),
    }
}

fn transport(encrypted: bool, local: bool) -> Finding {
    match (encrypted, local) {
        (true, _) => Finding::fine("the connection is encrypted"),
        (false, true) => {
            Finding::new(Severity::Note, "the connection is not encrypted, on this machine", "")
        }
        (false, false) => Finding::new(
            Severity::Warning,
            "the connection is not encrypted",
            "write sslmode=verify-full in the URL",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_judged_by_its_minor_release() {
        let of = |number| version(number).severity;
        assert_eq!(
            (of(150_013), of(150_014), of(180_000)),
            (Severity::Warning, Severity::Fine, Severity::Fine)
        );
        assert_eq!(of(120_022), Severity::Warning);
        assert_eq!(transport(false, false).severity, Severity::Warning);
    }
}

#!/bin/bash
# Makes the login and, once, the customers. Passwords go in by standard input, never by an argument.
set -euo pipefail
administrator=$(</run/secrets/oracle_password)
reader=$(</run/secrets/crm_password)

# Runs what it reads as the administrator; the first error ends it.
as_administrator() {
    {
        printf 'CONNECT system/"%s"@//oracle:1521/FREEPDB1\n' "$administrator"
        printf 'WHENEVER SQLERROR EXIT FAILURE ROLLBACK\n'
        printf 'SET VERIFY OFF FEEDBACK OFF HEADING OFF PAGESIZE 0\n'
        cat
    } | sqlplus -S -L /nolog
}

login() {
    { printf 'DEFINE reader_password = "%s"\n' "$reader"; cat /init/login.sql; } | as_administrator
}

login
found=$(echo "SELECT COUNT(*) FROM dba_tables WHERE owner = 'CRM' AND table_name = 'CUSTOMERS';" | as_administrator | tr -d '[:space:]')
if [[ $found == 0 ]]; then
    { echo 'ALTER SESSION SET CURRENT_SCHEMA = crm;'; cat /init/customers.sql; } | as_administrator
    # Once more, for the right to read what is there now.
    login
fi

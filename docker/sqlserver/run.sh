#!/bin/bash
# Makes the database, once the orders, and the login. Passwords are variables of sqlcmd, never arguments.
set -euo pipefail
SQLCMDPASSWORD=$(</run/secrets/sqlserver_password)
reader_password=$(</run/secrets/orders_password)
export SQLCMDPASSWORD reader_password

as_administrator() { /opt/mssql-tools18/bin/sqlcmd -C -S sqlserver -U sa -b -I -h -1 "$@"; }

as_administrator -Q "IF DB_ID(N'orders') IS NULL CREATE DATABASE orders;"
found=$(as_administrator -d orders -Q "SET NOCOUNT ON; SELECT COUNT(*) FROM sys.tables WHERE name = N'orders';" | tr -d '[:space:]')
if [[ $found == 0 ]]; then
    as_administrator -d orders -i /init/orders.sql
fi
as_administrator -i /init/login.sql

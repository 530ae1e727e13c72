-- The owner of the customers and the login that Celosia reads them by. Run by an administrator of the pluggable database; runs
-- again without harm.
DECLARE
    found PLS_INTEGER;
BEGIN
    -- Nobody logs in as the owner.
    SELECT COUNT(*) INTO found FROM dba_users WHERE username = 'CRM';
    IF found = 0 THEN
        EXECUTE IMMEDIATE 'CREATE USER crm NO AUTHENTICATION DEFAULT TABLESPACE users QUOTA 64M ON users';
    END IF;
    SELECT COUNT(*) INTO found FROM dba_users WHERE username = 'CELOSIA_READER';
    IF found = 0 THEN
        EXECUTE IMMEDIATE 'CREATE USER celosia_reader IDENTIFIED BY "&reader_password"';
    ELSE
        EXECUTE IMMEDIATE 'ALTER USER celosia_reader IDENTIFIED BY "&reader_password"';
    END IF;
    -- It connects, and reads one table; READ, not SELECT: without FOR UPDATE.
    EXECUTE IMMEDIATE 'GRANT CREATE SESSION TO celosia_reader';
    SELECT COUNT(*) INTO found FROM dba_tables WHERE owner = 'CRM' AND table_name = 'CUSTOMERS';
    IF found = 1 THEN
        EXECUTE IMMEDIATE 'GRANT READ ON crm.customers TO celosia_reader';
        DBMS_STATS.GATHER_TABLE_STATS('CRM', 'CUSTOMERS');
    END IF;
END;
/

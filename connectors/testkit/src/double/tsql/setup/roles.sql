-- Who the logins of the double are. Roles belong to the whole cluster, so another engine may have made them.
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['tsql_reader', 'tsql_loader'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I LOGIN', name);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
  END LOOP;
END $$;

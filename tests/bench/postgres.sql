-- The yardstick of tests/bench/compare.sh: double entry in PostgreSQL as well as we can. Ids are 128 bits wide, transfers
-- immutable and idempotent, single transfers lock accounts' rows in the order of their ids, so that no two wait for each
-- other in a circle. There is no index for an account's history, which favours PostgreSQL.
CREATE TABLE account (
    id bigint PRIMARY KEY,
    debits bigint NOT NULL DEFAULT 0,
    credits bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE TABLE transfer (
    id_high bigint,
    id_low bigint,
    debit bigint NOT NULL,
    credit bigint NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    ledger int NOT NULL,
    code int NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id_high, id_low)
);
INSERT INTO account (id) SELECT generate_series(1, :accounts);

-- 0 ok, 9 exists, 15 exists with different content, 19 the same account, 24 no such account.
CREATE FUNCTION transfer(p_high bigint, p_low bigint, p_debit bigint, p_credit bigint, p_amount bigint)
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    old transfer%ROWTYPE;
    found_accounts int := 0;
    touched int;
BEGIN
    IF p_debit = p_credit THEN RETURN 19; END IF;
    INSERT INTO transfer (id_high, id_low, debit, credit, amount, ledger, code)
        VALUES (p_high, p_low, p_debit, p_credit, p_amount, 1, 1) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT * INTO old FROM transfer WHERE id_high = p_high AND id_low = p_low;
        RETURN CASE WHEN (old.debit, old.credit, old.amount) = (p_debit, p_credit, p_amount) THEN 9 ELSE 15 END;
    END IF;
    IF p_debit < p_credit THEN
        UPDATE account SET debits = debits + p_amount WHERE id = p_debit;
        GET DIAGNOSTICS touched = ROW_COUNT;
        found_accounts := found_accounts + touched;
        UPDATE account SET credits = credits + p_amount WHERE id = p_credit;
    ELSE
        UPDATE account SET credits = credits + p_amount WHERE id = p_credit;
        GET DIAGNOSTICS touched = ROW_COUNT;
        found_accounts := found_accounts + touched;
        UPDATE account SET debits = debits + p_amount WHERE id = p_debit;
    END IF;
    GET DIAGNOSTICS touched = ROW_COUNT;
    IF found_accounts + touched <> 2 THEN
        RAISE EXCEPTION 'no such account' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN 0;
END $$;

-- The number of new transfers. One statement inserts all and adds up what each account gets: fewer row versions than
-- updates for each transfer. Batches follow one another (measured faster than locking 16,000 rows one by one, and no two
-- can wait for each other in a circle); what a second client gains is that its input is made meanwhile.
CREATE FUNCTION transfer_batch(p_high bigint, p_low bigint[], p_debit bigint[], p_credit bigint[], p_amount bigint[])
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    done int;
BEGIN
    LOCK TABLE account IN SHARE ROW EXCLUSIVE MODE;
    WITH added AS (
        INSERT INTO transfer (id_high, id_low, debit, credit, amount, ledger, code)
            SELECT p_high, t.low, t.debit, t.credit, t.amount, 1, 1
            FROM unnest(p_low, p_debit, p_credit, p_amount) AS t (low, debit, credit, amount)
            WHERE t.debit <> t.credit
            ON CONFLICT DO NOTHING
            RETURNING debit, credit, amount
    ), change AS (
        SELECT id, sum(debits)::bigint AS debits, sum(credits)::bigint AS credits FROM (
            SELECT debit AS id, amount AS debits, 0 AS credits FROM added
            UNION ALL SELECT credit, 0, amount FROM added) AS both_sides
        GROUP BY id
    ), changed AS (
        UPDATE account a SET debits = a.debits + change.debits, credits = a.credits + change.credits
            FROM change WHERE a.id = change.id
    )
    SELECT count(*) INTO done FROM added;
    RETURN done;
END $$;
VACUUM (FREEZE, ANALYZE) account;
CHECKPOINT;

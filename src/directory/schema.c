/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of directory.db, as steps from an empty file to the newest version. A step that was
 * once released is never changed; a new one is added below. Only SQL that PostgreSQL runs too.
 */
#include "directory/directory_priv.h"

/* clang-format off */
static const char tables[] =
	"CREATE TABLE domains ("
	" name TEXT PRIMARY KEY,"
	" catchall BIGINT NOT NULL DEFAULT 0,"	/* account; 0: none */
	" created_s BIGINT NOT NULL);"

	"CREATE TABLE accounts ("
	" id BIGINT PRIMARY KEY,"
	" address TEXT NOT NULL UNIQUE,"
	" domain TEXT NOT NULL,"
	" state INTEGER NOT NULL,"		/* enum directory_state */
	" quota_octets BIGINT NOT NULL,"
	" quota_messages BIGINT NOT NULL,"
	" cram_md5 INTEGER NOT NULL,"
	" created_s BIGINT NOT NULL);"
	"CREATE INDEX accounts_domain ON accounts(domain, address);"

	"CREATE TABLE addresses ("
	" address TEXT PRIMARY KEY,"
	" account BIGINT NOT NULL);"
	"CREATE INDEX addresses_account ON addresses(account);"

	"CREATE TABLE aliases ("
	" alias TEXT NOT NULL,"
	" account BIGINT NOT NULL,"
	" domain TEXT NOT NULL,"
	" created_s BIGINT NOT NULL,"
	" PRIMARY KEY (alias, account));"
	"CREATE INDEX aliases_account ON aliases(account);"
	"CREATE INDEX aliases_domain ON aliases(domain, alias);"

	"CREATE TABLE tombstones ("
	" address TEXT PRIMARY KEY,"
	" account BIGINT NOT NULL,"
	" deleted_s BIGINT NOT NULL);"

	"CREATE TABLE credentials ("
	" id BIGINT PRIMARY KEY,"
	" account BIGINT NOT NULL,"
	" app INTEGER NOT NULL,"
	" name TEXT NOT NULL,"
	" scope INTEGER NOT NULL,"
	" expires_s BIGINT NOT NULL,"
	" salt BLOB NOT NULL,"
	" iterations INTEGER NOT NULL,"
	" stored_sha256 BLOB NOT NULL,"
	" server_sha256 BLOB NOT NULL,"
	" stored_sha1 BLOB NOT NULL,"
	" server_sha1 BLOB NOT NULL,"
	" cram_md5 BLOB,"			/* NULL unless opted in */
	" created_s BIGINT NOT NULL,"
	" used_day BIGINT NOT NULL,"
	" UNIQUE (account, app, name));"

	"CREATE TABLE bans ("
	" ip BLOB NOT NULL,"
	" bits INTEGER NOT NULL,"
	" since_s BIGINT NOT NULL,"
	" until_s BIGINT NOT NULL,"
	" times INTEGER NOT NULL,"
	" reason TEXT NOT NULL,"
	" PRIMARY KEY (ip, bits));"

	"CREATE TABLE sequences ("
	" name TEXT PRIMARY KEY,"
	" next BIGINT NOT NULL);"
	"INSERT INTO sequences (name, next) VALUES ('account', 1);"
	"INSERT INTO sequences (name, next) VALUES ('credential', 1);"

	"CREATE TABLE secrets ("
	" name TEXT PRIMARY KEY,"
	" value BLOB NOT NULL);";

/* Who shares mailboxes with whom. */
static const char shares[] =
	"CREATE TABLE shares ("
	" owner BIGINT NOT NULL,"
	" guest BIGINT NOT NULL,"
	" PRIMARY KEY (owner, guest));"
	"CREATE INDEX shares_guest ON shares(guest);";

/* With what accounts log in. */
static const char census[] =
	"CREATE TABLE census ("
	" id INTEGER PRIMARY KEY,"		/* BIGSERIAL elsewhere: given by the database */
	" account BIGINT NOT NULL,"
	" protocol TEXT NOT NULL,"
	" tls TEXT NOT NULL,"
	" cipher TEXT NOT NULL,"
	" mechanism TEXT NOT NULL,"
	" client TEXT NOT NULL,"
	" ip BLOB NOT NULL,"			/* prefix */
	" bits INTEGER NOT NULL,"
	" first_s BIGINT NOT NULL,"
	" last_s BIGINT NOT NULL,"
	" times BIGINT NOT NULL,"
	" UNIQUE (account, protocol, tls, cipher, mechanism, client, ip, bits));"
	"CREATE INDEX census_last ON census(last_s);"
	"CREATE INDEX census_tls ON census(tls, cipher);";

/* In what language an account is told things. */
static const char language[] =
	"ALTER TABLE accounts ADD COLUMN language TEXT NOT NULL DEFAULT '';";

/* From how many points a letter is junk or refused; what DMARC decides for a domain. */
static const char filters[] =
	"ALTER TABLE accounts ADD COLUMN junk_at BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE accounts ADD COLUMN reject_at BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE domains ADD COLUMN dmarc INTEGER NOT NULL DEFAULT 0;";

/* Where aliases lead to elsewhere, beside the accounts in `aliases`. */
static const char forwards[] =
	"CREATE TABLE forwards ("
	" alias TEXT NOT NULL,"
	" target TEXT NOT NULL,"		/* local part as it was given */
	" target_domain TEXT NOT NULL,"
	" domain TEXT NOT NULL,"		/* of the alias */
	" created_s BIGINT NOT NULL,"
	" PRIMARY KEY (alias, target));"
	"CREATE INDEX forwards_domain ON forwards(domain, alias);";

/* Keys that are replaced; the one for rewritten reverse-paths was a secret for ever. */
static const char rings[] =
	"CREATE TABLE rings ("
	" id INTEGER PRIMARY KEY,"		/* BIGSERIAL elsewhere: given by the database */
	" name TEXT NOT NULL,"
	" value BLOB NOT NULL,"
	" made_s BIGINT NOT NULL,"
	" until_s BIGINT NOT NULL);"		/* believed so long; 0: is used */
	"INSERT INTO rings (name, value, made_s, until_s)"
	" SELECT name, value, 0, 0 FROM secrets WHERE name = 'srs';"
	"DELETE FROM secrets WHERE name = 'srs';";
/* clang-format on */

const struct db_migration directory_schema[] = { { tables }, { shares }, { census }, { language },
	{ filters }, { forwards }, { rings } };
const size_t directory_schema_n = LEN(directory_schema);

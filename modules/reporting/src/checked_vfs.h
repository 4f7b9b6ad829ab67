#pragma once
// SQLite with a checksum in every page. SQLite itself does not notice a bit that flips in a row or in the
// text index; with this, a page that is not what was written is SQLITE_IOERR_DATA, and the projection is
// rebuilt.
//
// It is a layer over SQLite's own file system layer. The last 8 bytes of each page of the database file,
// which SQLite is told to leave alone, hold two CRC32C: of the page's number and the first and second half of
// the rest. Pages in the write-ahead log have none: SQLite checks the log's own checksums when it recovers
// one, and takes less of it then, which the projection catches up with. (SQLite's sources have such a layer
// too, cksumvfs; distributions do not ship it.)
//
// Threading: any; the layer has no state beside that of each file.

namespace kontor::reporting {

inline constexpr int kPageChecksumBytes = 8;

// The name for sqlite3_open_v2(); registers the layer the first time.
[[nodiscard]] const char* checked_vfs();

}  // namespace kontor::reporting

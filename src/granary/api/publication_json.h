// What a Tenant Node tells the Metadata Catalog of a tenant, both ways: the body of
// POST /metadata/nodes/{node_id}/publications.
//
//   {"key": "…", "tenant_id": "acme", "session": 3, "policies": 7, "all_told": true, "gone": ["x"],
//    "sources": [{"source_id": "s", "uid": 1, "base": 0, "number": 1, "complete": true, …}],
//    "compactions": [{"id": 5, "state": "running", …}]}
//
// Encoded    definitions, schemas and bounds of columns are base64 of the bytes that a manifest has
//            of them, so that nothing is lost on the way.
// Errors     ReadPublication: kInvalidJson, kTooLarge, kInvalidRequest, kInvalidIdentifier,
//            kInvalidPath, kUnknownMember, each with its pointer, for a body that is none: nothing
//            of it is taken then.
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/storage/source/compaction_job.h"
#include "granary/tenant/tenant_news.h"

namespace granary::api {

/// Columns of a file whose bounds are told, those with the lowest ids.
inline constexpr std::size_t kPublishedColumnsMax = 1'000;
inline constexpr std::size_t kPublishedPathBytesMax = 4'096;
inline constexpr std::size_t kPublishedTextBytesMax = 4u << 20;  ///< Of one statistics member.

/// How far a compaction is that the catalog asked for.
struct CompactionProgress {
  std::uint64_t id = 0;  ///< The catalog's.
  storage::CompactionJob job;
};

struct PublicationHead {
  std::string key;  ///< What the node is known by.
  std::string tenant;
  std::uint64_t session = 0;
  std::uint64_t policies = 0;  ///< The version of those that it has; 0: none.
};

std::string PublicationJson(const PublicationHead& head, const News& news,
                            const std::vector<CompactionProgress>& compactions);

struct PublishedFile {
  std::uint64_t id = 0;
  std::string path;  ///< Relative to the source's folder.
  std::string partition;
  std::uint64_t bytes = 0, rows = 0, deleted_rows = 0;
  std::uint64_t min_sequence = 0, max_sequence = 0, generation = 0;
  std::uint32_t schema_version = 0;
  std::int64_t created_us = 0;
  std::string columns;  ///< JSON: {"<column id>": {"nulls": 0, "min": …, "max": …}}
};

struct PublishedSchema {
  SchemaPtr schema;
  std::int64_t made_us = 0;
  std::string encoded;
};

/// What merging would do, and what is owed.
struct PublishedMerges {
  std::uint64_t merges = 0, bytes = 0, debt_files = 0, debt_bytes = 0;
  std::string reason;
};

struct PublishedSource {
  SourceId source;
  std::uint64_t uid = 0, base = 0, number = 0;
  bool complete = true;
  std::int64_t created_us = 0;
  std::optional<std::int64_t> last_write_us;
  std::uint64_t flushed_sequence = 0;
  std::string definition;  ///< Encoded, as it decodes; empty: as told.
  std::vector<PublishedSchema> schemas;
  std::vector<PublishedFile> files;
  std::vector<std::uint64_t> files_gone;
  std::string statistics;  ///< JSON as of GET /sources/{id}/stats; empty: none.
  std::string bounds;      ///< JSON: {"<column id>": "<encoded ColumnStats>"}; beside statistics.
  std::optional<PublishedMerges> merges;
};

struct PublishedCompaction {
  std::uint64_t id = 0;
  storage::JobState state = storage::JobState::kQueued;
  std::string job, reason, failure;
  std::uint64_t bytes_total = 0, bytes_done = 0;
  storage::CompactionCounts counts;
};

struct Publication {
  PublicationHead head;
  bool all_told = false;
  std::vector<SourceId> gone;
  std::vector<PublishedSource> sources;
  std::vector<PublishedCompaction> compactions;
};
Result<Publication> ReadPublication(std::string_view body);

/// `bounds` of a source as its columns have them; what does not decode is left out.
std::map<ColumnId, ColumnStats> ReadBounds(const std::string& bounds);

}  // namespace granary::api

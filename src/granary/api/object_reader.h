// ObjectReader: takes the members of a JSON object one by one and refuses those nobody asked for,
// so that a misspelt member never goes unnoticed. A member that is null counts as not given.
//
//   ObjectReader body(node, "");
//   GRANARY_ASSIGN(const auto limit, body.WholeNumber("limit", 0, 10'000));
//   GRANARY_TRY(body.NotYet("as_of"));
//   GRANARY_TRY(body.Finish());
//
// Errors     kInvalidRequest with the member's pointer for a wrong shape or value; of an array's
//            elements all that are wrong, with the code of the first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/api/json_node.h"
#include "granary/base/status.h"
#include "granary/base/wrong_places.h"

namespace granary::api {

class ObjectReader {
 public:
  /// `object` is an object, at `pointer` of the request.
  ObjectReader(const JsonNode& object, std::string pointer);
  /// kInvalidRequest unless `node` is an object.
  static Result<ObjectReader> Of(const JsonNode& node, std::string pointer);

  /// Null when not given.
  const JsonNode* Find(std::string_view name);
  Result<std::optional<std::string>> Text(std::string_view name);
  Result<std::string> RequiredText(std::string_view name);
  /// A column's name, which has to be given, but may be empty: a document may have such a key.
  Result<std::string> RequiredName(std::string_view name);
  Result<std::optional<bool>> Boolean(std::string_view name);
  Result<std::optional<std::uint64_t>> WholeNumber(std::string_view name, std::uint64_t min,
                                                   std::uint64_t max);
  /// Null when not given.
  Result<const JsonNode*> Array(std::string_view name);
  /// An array of strings, none of them empty; no elements when not given.
  Result<std::vector<std::string>> Texts(std::string_view name);
  /// The same of columns' names, which may be empty.
  Result<std::vector<std::string>> Names(std::string_view name);
  /// Texts, telling an array without elements from none.
  Result<std::optional<std::vector<std::string>>> OptionalTexts(std::string_view name);

  /// Appends what `read(element, its pointer)` makes of each element of an array; nothing when not
  /// given.
  template <typename T, typename Read>
  Status Each(std::string_view name, std::vector<T>& out, const Read& read) {
    GRANARY_ASSIGN(const JsonNode* node, Array(name));
    return EachOf(node, name, out, read);
  }

  /// kUnsupported, with its pointer, when a member of a later version is given.
  Status NotYet(std::string_view name);
  /// kUnknownMember, one FieldError each, when members are left that nobody asked for.
  Status Finish() const;

  std::string PointerOf(std::string_view name) const { return PointerTo(pointer_, name); }
  const std::string& pointer() const { return pointer_; }

 private:
  template <typename T, typename Read>
  Status EachOf(const JsonNode* array, std::string_view name, std::vector<T>& out,
                const Read& read) const {
    WrongPlaces wrong;
    for (std::size_t i = 0; array != nullptr && i < array->items.size() && !wrong.full(); ++i) {
      Result<T> one = read(array->items[i], PointerTo(PointerOf(name), i));
      if (one.ok())
        out.push_back(one.Take());
      else
        wrong.Add(one.status());
    }
    return wrong.Take();
  }

  const JsonNode& object_;
  std::string pointer_;
  std::vector<bool> taken_;
  std::vector<std::string> known_;
};

/// kInvalidRequest: "<pointer>: expected <what>, found <kind>".
Status WrongKind(std::string pointer, std::string_view expected, const JsonNode& found);
/// The node's string. kInvalidRequest when it is none.
Result<std::string> AnyText(const JsonNode& node, const std::string& pointer);
/// The same, but not an empty one.
Result<std::string> NonEmptyText(const JsonNode& node, const std::string& pointer);
/// kUnsupported: "<pointer>: <what> is not offered by this version".
Status NotOffered(std::string pointer, std::string_view what);
/// The same failure, at `pointer` when it names no place yet.
Status AtPointer(const Status& status, const std::string& pointer);

}  // namespace granary::api

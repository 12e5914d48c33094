#include "granary/security/key_set.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "granary/base/append_format.h"
#include "granary/base/base64url.h"

namespace granary::security {
namespace {

namespace dom = simdjson::dom;

Status NoKeySet(std::string_view why) {
  return {Code::kInvalidArgument, fmt::format("no JSON Web Key Set of Ed25519 keys: {}", why)};
}

std::string_view KeyMember(const dom::object& key, std::string_view name) {
  std::string_view text;
  return key[name].get_string().get(text) == simdjson::SUCCESS ? text : std::string_view();
}

}  // namespace

Result<KeySet> KeySet::Parse(std::string_view text) {
  if (text.size() > kKeySetBytesMax)
    return NoKeySet(fmt::format("longer than {} bytes", kKeySetBytesMax));
  dom::parser parser;
  dom::array list;
  if (parser.parse(simdjson::padded_string(text))["keys"].get_array().get(list) !=
      simdjson::SUCCESS) {
    return NoKeySet("it is no object with an array 'keys'");
  }
  std::vector<PublicKey> keys;
  for (const dom::element element : list) {
    dom::object key;
    if (element.get_object().get(key) != simdjson::SUCCESS) return NoKeySet("a key is no object");
    if (KeyMember(key, "kty") != "OKP" || KeyMember(key, "crv") != "Ed25519") continue;
    const auto bytes = Base64UrlDecode(KeyMember(key, "x"));
    Result<PublicKey> read = PublicKey::FromBytes(bytes.value_or(std::string()));
    if (!read.ok()) return NoKeySet("'x' of a key is not 32 bytes in base64url");
    // The name is the key's hash: with another one, two keys could go by one name.
    if (KeyMember(key, "kid") != read->id())
      return NoKeySet("'kid' of a key is not its thumbprint");
    if (keys.size() == kKeySetKeysMax)
      return NoKeySet(fmt::format("more than {} keys", kKeySetKeysMax));
    keys.push_back(read.Take());
  }
  if (keys.empty()) return NoKeySet("none is in it");
  return KeySet(std::move(keys));
}

std::string KeySet::ToJson() const {
  std::string out = R"({"keys":[)";
  for (const PublicKey& key : keys_) {
    if (&key != keys_.data()) out.push_back(',');
    AppendFormat(out,
                 R"({{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":"{}","x":"{}"}})",
                 key.id(), Base64UrlEncode(key.bytes()));
  }
  return out.append("]}");
}

const PublicKey* KeySet::Find(std::string_view id) const {
  const auto found = std::ranges::find(keys_, id, &PublicKey::id);
  return found == keys_.end() ? nullptr : &*found;
}

}  // namespace granary::security

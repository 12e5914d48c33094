#include "granary/base/wrong_places.h"

#include <gmock/gmock.h>

namespace granary {
namespace {

Status At(const std::string& pointer, Code code = Code::kInvalidRequest) {
  return Status::Invalid(code, pointer, "wrong");
}

TEST(WrongPlacesTest, HasTheCodeOfTheFirstAndThePlacesOfAll) {
  WrongPlaces wrong;
  EXPECT_TRUE(wrong.Take().ok());
  wrong.Add(Status::Ok());
  EXPECT_FALSE(wrong.any());
  wrong.Add(At("/b", Code::kUnknownColumn));
  EXPECT_EQ(wrong.Take().message(), "/b: wrong");
  wrong.Add(At("/a"));
  const Status both = wrong.Take();
  EXPECT_EQ(both.code(), Code::kUnknownColumn);
  EXPECT_EQ(both.message(), "/b: wrong (and 1 more)");
  EXPECT_EQ(both.fields(), (std::vector<FieldError>{{"/b", "wrong"}, {"/a", "wrong"}}));
  // Gathered again they count once.
  WrongPlaces outer;
  outer.Add(both);
  outer.Add(At("/c"));
  EXPECT_EQ(outer.Take().message(), "/b: wrong (and 2 more)");
}

TEST(WrongPlacesTest, NamesNoMoreThanTheLimit) {
  WrongPlaces wrong;
  for (std::size_t i = 0; i < kWrongPlacesMax + 5; ++i) wrong.Add(At("/" + std::to_string(i)));
  EXPECT_TRUE(wrong.full());
  EXPECT_EQ(wrong.Take().fields().size(), kWrongPlacesMax);
  EXPECT_EQ(wrong.Take().fields().back().pointer, "/19");
}

TEST(WrongPlacesTest, AFailureWithoutAPlaceIsTheFailureOfAll) {
  WrongPlaces wrong;
  wrong.Add(At("/a"));
  wrong.Add(Status::Internal("the disk"));
  wrong.Add(At("/b"));
  EXPECT_EQ(wrong.Take().code(), Code::kInternal);
  EXPECT_TRUE(wrong.Take().fields().empty());
}

TEST(WrongPlacesTest, PutsAValueOrItsFailure) {
  WrongPlaces wrong;
  int value = 0;
  wrong.Put(Result<int>(7), value);
  wrong.Put(Result<int>(At("/x")), value);
  EXPECT_EQ(value, 7);
  EXPECT_EQ(wrong.Take().fields().at(0).pointer, "/x");
}

}  // namespace
}  // namespace granary

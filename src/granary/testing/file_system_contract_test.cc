// Goal: the file system that tests run on answers as the real one does.
// Method: every test of the contract (io/file_system.h) runs on both.
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "granary/io/posix_file_system.h"
#include "granary/testing/memory_file_system.h"
#include "granary/testing/temp_directory.h"

namespace granary::testing {
namespace {

using io::OpenMode;

enum class Kind { kPosix, kMemory };

struct FileSystemContractTest : ::testing::TestWithParam<Kind> {
  FileSystemContractTest() {
    if (GetParam() == Kind::kPosix) {
      files = std::make_unique<io::PosixFileSystem>();
    } else {
      files = std::make_unique<MemoryFileSystem>();
      EXPECT_TRUE(files->CreateDirectories(directory.path()).ok());
    }
  }

  std::string Path(const std::string& name) const { return directory.Join(name); }
  void Put(const std::string& name, std::string_view bytes) {
    auto file = files->OpenForWrite(Path(name), OpenMode::kTruncate);
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    ASSERT_TRUE((*file)->WriteAt(0, bytes).ok());
    ASSERT_TRUE((*file)->Close().ok());
  }
  std::string Get(const std::string& name) {
    auto bytes = files->ReadFile(Path(name));
    return bytes.ok() ? *bytes : std::string(CodeName(bytes.status().code()));
  }
  std::string Names(const std::string& name) {
    auto entries = files->List(Path(name));
    if (!entries.ok()) return std::string(CodeName(entries.status().code()));
    std::string names;
    for (const auto& entry : *entries) names += entry.name + (entry.is_directory ? "/ " : " ");
    return names;
  }

  TempDirectory directory;
  std::unique_ptr<io::FileSystem> files;
};

TEST_P(FileSystemContractTest, OpenModesDoWhatTheySay) {
  EXPECT_EQ(files->OpenForWrite(Path("a"), OpenMode::kExisting).status().code(), Code::kNotFound);
  EXPECT_TRUE(files->OpenForWrite(Path("a"), OpenMode::kCreateNew).ok());
  EXPECT_EQ(files->OpenForWrite(Path("a"), OpenMode::kCreateNew).status().code(), Code::kConflict);
  Put("a", "old content");
  EXPECT_TRUE(files->OpenForWrite(Path("a"), OpenMode::kExisting).ok());
  EXPECT_EQ(Get("a"), "old content");
  EXPECT_TRUE(files->OpenForWrite(Path("a"), OpenMode::kTruncate).ok());
  EXPECT_EQ(Get("a"), "");
}

TEST_P(FileSystemContractTest, WritesLandWhereTheyShould) {
  auto file = files->OpenForWrite(Path("a"), OpenMode::kCreateNew).Take();
  ASSERT_TRUE(file->WriteAt(5, "world").ok());
  ASSERT_TRUE(file->WriteAt(0, "hello").ok());
  EXPECT_EQ(Get("a"), "helloworld");
  ASSERT_TRUE(file->WriteAt(12, "!").ok());
  EXPECT_EQ(Get("a"), std::string("helloworld\0\0!", 13));
  ASSERT_TRUE(file->Truncate(5).ok());
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_EQ(Get("a"), "hello");
  ASSERT_TRUE(file->Preallocate(8).ok());
  EXPECT_EQ(Get("a"), std::string("hello\0\0\0", 8));
  ASSERT_TRUE(file->Preallocate(2).ok());
  EXPECT_EQ(Get("a").size(), 8u);
}

TEST_P(FileSystemContractTest, AClosedFileRefusesEverything) {
  auto file = files->OpenForWrite(Path("a"), OpenMode::kCreateNew).Take();
  ASSERT_TRUE(file->Close().ok());
  EXPECT_TRUE(file->Close().ok());
  EXPECT_EQ(file->WriteAt(0, "x").code(), Code::kIoError);
  EXPECT_EQ(file->Sync().code(), Code::kIoError);
}

TEST_P(FileSystemContractTest, ReadsAreShortOnlyAtTheEnd) {
  Put("a", "0123456789");
  const auto file = files->OpenForRead(Path("a")).Take();
  EXPECT_EQ(file->size(), 10u);
  char bytes[6];
  EXPECT_EQ(*file->ReadAt(2, bytes), 6u);
  EXPECT_EQ(std::string_view(bytes, 6), "234567");
  EXPECT_EQ(*file->ReadAt(8, bytes), 2u);
  EXPECT_EQ(*file->ReadAt(10, bytes), 0u);
  EXPECT_EQ(*file->ReadAt(1000, bytes), 0u);
}

TEST_P(FileSystemContractTest, AnOpenFileOutlivesItsName) {
  Put("a", "content");
  const auto file = files->OpenForRead(Path("a")).Take();
  ASSERT_TRUE(files->Remove(Path("a")).ok());
  char bytes[7];
  EXPECT_EQ(*file->ReadAt(0, bytes), 7u);
  EXPECT_EQ(Get("a"), "NOT_FOUND");
}

TEST_P(FileSystemContractTest, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(files->OpenForRead(Path("x")).status().code(), Code::kNotFound);
  EXPECT_EQ(files->OpenForWrite(Path("x/y"), OpenMode::kCreateNew).status().code(),
            Code::kNotFound);
  EXPECT_EQ(files->Remove(Path("x")).code(), Code::kNotFound);
  EXPECT_EQ(files->Rename(Path("x"), Path("y")).code(), Code::kNotFound);
  EXPECT_EQ(files->SyncDirectory(Path("x")).code(), Code::kNotFound);
  EXPECT_EQ(Names("x"), "NOT_FOUND");
  EXPECT_FALSE(*files->Exists(Path("x")));
  EXPECT_FALSE(*files->Exists(Path("x/y")));
}

TEST_P(FileSystemContractTest, ErrorsNameThePath) {
  const Status status = files->OpenForRead(Path("nowhere")).status();
  EXPECT_NE(status.message().find(Path("nowhere")), std::string_view::npos) << status.message();
  EXPECT_NE(status.message().find("ENOENT"), std::string_view::npos) << status.message();
}

TEST_P(FileSystemContractTest, ListsInByteOrder) {
  ASSERT_TRUE(files->CreateDirectories(Path("d/sub")).ok());
  for (const char* name : {"d/b", "d/a", "d/Z", "d/.hidden", "d/a0"}) Put(name, "xyz");
  EXPECT_EQ(Names("d"), ".hidden Z a a0 b sub/ ");
  const auto entries = files->List(Path("d")).Take();
  EXPECT_EQ(entries[0].bytes, 3u);
  EXPECT_EQ(entries[5].bytes, 0u);
}

TEST_P(FileSystemContractTest, CreateDirectoriesMakesParentsAndAcceptsWhatExists) {
  EXPECT_TRUE(files->CreateDirectories(Path("a/b/c")).ok());
  EXPECT_TRUE(files->CreateDirectories(Path("a/b/c")).ok());
  EXPECT_TRUE(files->CreateDirectories(Path("a/b/d/")).ok());
  EXPECT_EQ(Names("a/b"), "c/ d/ ");
  Put("file", "");
  EXPECT_EQ(files->CreateDirectories(Path("file")).code(), Code::kConflict);
  EXPECT_FALSE(files->CreateDirectories(Path("file/below")).ok());
}

TEST_P(FileSystemContractTest, RenameReplacesAFile) {
  Put("a", "new");
  Put("b", "old");
  ASSERT_TRUE(files->Rename(Path("a"), Path("b")).ok());
  EXPECT_EQ(Get("b"), "new");
  EXPECT_EQ(Names(""), "b ");
  ASSERT_TRUE(files->Rename(Path("b"), Path("b")).ok());
  EXPECT_EQ(Get("b"), "new");
}

TEST_P(FileSystemContractTest, RenameMovesADirectoryButNotIntoItselfNorOverAFullOne) {
  ASSERT_TRUE(files->CreateDirectories(Path("a/x")).ok());
  ASSERT_TRUE(files->CreateDirectories(Path("b/y")).ok());
  EXPECT_FALSE(files->Rename(Path("a"), Path("a/x/z")).ok());
  EXPECT_FALSE(files->Rename(Path("a"), Path("b")).ok());
  EXPECT_TRUE(files->Rename(Path("a"), Path("b/a")).ok());
  EXPECT_EQ(Names("b"), "a/ y/ ");
  EXPECT_EQ(Names("b/a"), "x/ ");
}

TEST_P(FileSystemContractTest, RemoveTakesFilesAndEmptyDirectoriesOnly) {
  ASSERT_TRUE(files->CreateDirectories(Path("d")).ok());
  Put("d/a", "x");
  EXPECT_EQ(files->Remove(Path("d")).code(), Code::kIoError);
  EXPECT_TRUE(files->Remove(Path("d/a")).ok());
  EXPECT_TRUE(files->Remove(Path("d")).ok());
  EXPECT_EQ(Names(""), "");
}

TEST_P(FileSystemContractTest, RemoveTreeTakesAllBelowAndNothingBeside) {
  ASSERT_TRUE(files->CreateDirectories(Path("d/e/f")).ok());
  ASSERT_TRUE(files->CreateDirectories(Path("dd")).ok());
  Put("d/a", "x");
  Put("d/e/b", "x");
  EXPECT_TRUE(files->RemoveTree(Path("d/")).ok());
  EXPECT_EQ(Names(""), "dd/ ");
  EXPECT_TRUE(files->RemoveTree(Path("d")).ok());
  EXPECT_TRUE(files->RemoveTree(Path("no/such/parent")).ok());
  for (const char* name : {"", "/", ".", "dd/..", "dd/."}) {
    EXPECT_EQ(files->RemoveTree(name).code(), Code::kInvalidPath) << name;
  }
}

TEST_P(FileSystemContractTest, ReplaceFileReplacesAndLeavesNothingBeside) {
  EXPECT_TRUE(files->ReplaceFile(Path("a"), "one").ok());
  EXPECT_TRUE(files->ReplaceFile(Path("a"), "two").ok());
  EXPECT_EQ(Get("a"), "two");
  EXPECT_EQ(Names(""), "a ");
  EXPECT_FALSE(files->ReplaceFile(Path("missing/a"), "one").ok());
}

TEST_P(FileSystemContractTest, ALockIsHeldOnceAndNamesItsHolder) {
  auto first = files->Lock(Path("LOCK"));
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  const Status refused = files->Lock(Path("LOCK")).status();
  EXPECT_EQ(refused.code(), Code::kConflict);
  EXPECT_NE(refused.message().find(std::to_string(::getpid())), std::string_view::npos)
      << refused.message();
  first.Take().reset();
  EXPECT_TRUE(files->Lock(Path("LOCK")).ok());
  EXPECT_EQ(files->Lock(Path("x/LOCK")).status().code(), Code::kNotFound);
}

TEST_P(FileSystemContractTest, ResolveGivesOneSpelling) {
  ASSERT_TRUE(files->CreateDirectories(Path("d")).ok());
  const std::string base = files->Resolve(directory.path()).Take();
  EXPECT_EQ(*files->Resolve(Path("d/../d/./")), base + "/d");
  EXPECT_EQ(*files->Resolve(Path("d/new/../other/")), base + "/d/other");
  EXPECT_EQ(*files->Resolve(Path("missing/../../..") + base), base);
  EXPECT_EQ(*files->Resolve("/../.."), "/");
  EXPECT_EQ(files->Resolve("").status().code(), Code::kInvalidPath);
  EXPECT_EQ(files->Resolve(std::string("a\0b", 3)).status().code(), Code::kInvalidPath);
}

TEST_P(FileSystemContractTest, SpaceIsReported) {
  EXPECT_GT(*files->AvailableBytes(directory.path()), 0u);
  EXPECT_EQ(files->AvailableBytes(Path("x")).status().code(), Code::kNotFound);
}

INSTANTIATE_TEST_SUITE_P(Both, FileSystemContractTest,
                         ::testing::Values(Kind::kPosix, Kind::kMemory), [](const auto& kind) {
                           return kind.param == Kind::kPosix ? "Posix" : "Memory";
                         });

}  // namespace
}  // namespace granary::testing

#include "granary/formats/list_views.h"

#include <arrow/api.h>

#include "granary/formats/arrow_status.h"

namespace granary::formats {
namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;

template <typename List, typename View>
Result<ArrayPtr> ListOf(const arrow::Array& view, arrow::MemoryPool* pool) {
  auto list = List::FromListView(static_cast<const View&>(view), pool);
  GRANARY_TRY(FromArrowStatus(list.status()));
  return ArrayPtr(list.MoveValueUnsafe());
}

/// The type of a list with other elements.
std::shared_ptr<arrow::DataType> TypeWith(const arrow::DataType& list,
                                          const std::shared_ptr<arrow::DataType>& element) {
  const auto field = static_cast<const arrow::BaseListType&>(list).value_field();
  switch (list.id()) {
    case arrow::Type::LARGE_LIST: return arrow::large_list(field->WithType(element));
    case arrow::Type::FIXED_SIZE_LIST:
      return arrow::fixed_size_list(field->WithType(element),
                                    static_cast<const arrow::FixedSizeListType&>(list).list_size());
    default: return arrow::list(field->WithType(element));
  }
}

}  // namespace

Result<ArrayPtr> ListsOfViews(const ArrayPtr& array, arrow::MemoryPool* pool) {
  ArrayPtr list = array;
  switch (array->type_id()) {
    case arrow::Type::LIST_VIEW: {
      GRANARY_ASSIGN(list, (ListOf<arrow::ListArray, arrow::ListViewArray>(*array, pool)));
      break;
    }
    case arrow::Type::LARGE_LIST_VIEW: {
      GRANARY_ASSIGN(list,
                     (ListOf<arrow::LargeListArray, arrow::LargeListViewArray>(*array, pool)));
      break;
    }
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
    case arrow::Type::FIXED_SIZE_LIST: break;
    default: return array;
  }
  const ArrayPtr elements = arrow::MakeArray(list->data()->child_data[0]);
  GRANARY_ASSIGN(const ArrayPtr plain, ListsOfViews(elements, pool));
  if (plain == elements) return list;
  const auto data = list->data()->Copy();
  data->child_data[0] = plain->data();
  data->type = TypeWith(*list->type(), plain->type());
  return arrow::MakeArray(data);
}

}  // namespace granary::formats

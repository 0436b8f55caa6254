// Calls of torch's operations by its stable C interface. A call owns its arguments: it frees tensors, options and lists.
#include <cstddef>
#include <initializer_list>

extern "C" {
int32_t aoti_torch_call_dispatcher(const char* name, const char* overload, uint64_t* stack);
int32_t aoti_torch_create_tensor_from_blob(
    void* data, int64_t dimensions, const int64_t* sizes, const int64_t* strides, int64_t offset, int32_t dtype,
    int32_t device_type, int32_t device_index, void** tensor);
int32_t aoti_torch_copy_(void* target, void* source, int32_t non_blocking);
int32_t aoti_torch_delete_tensor_object(void* tensor);
int32_t torch_new_list_reserve_size(size_t size, void** list);
int32_t torch_list_push_back(void* list, uint64_t item);
int32_t torch_new_string_handle(const char* text, size_t size, void** string);
int32_t torch_new_stable_ivalue(uint64_t** value);
const char* torch_exception_get_what_without_backtrace();
// Returns the last error of torch in this thread.
const char* last_error() { return torch_exception_get_what_without_backtrace(); }
}
typedef std::initializer_list<int64_t> Sizes;

template <class T> static inline uint64_t argument(T value) {
  uint64_t bits = 0; __builtin_memcpy(&bits, &value, sizeof value); return bits; }
// A tensor on the CPU, whose device type is 0, in memory that it does not own.
static uint64_t tensor(const void* data, int32_t dtype, Sizes sizes, Sizes strides) {
  void* handle = nullptr;
  aoti_torch_create_tensor_from_blob(
    const_cast<void*>(data), sizes.size(), sizes.begin(), strides.begin(), 0, dtype, 0, 0, &handle);
  return argument(handle); }
static uint64_t option(uint64_t value) {
  uint64_t* pointer = nullptr;
  torch_new_stable_ivalue(&pointer);
  *pointer = value;
  return argument(pointer); }
static uint64_t text(const char* characters) {
  void* handle = nullptr;
  torch_new_string_handle(characters, __builtin_strlen(characters), &handle);
  return argument(handle); }
static uint64_t list(std::initializer_list<uint64_t> items) {
  void* handle = nullptr;
  torch_new_list_reserve_size(items.size(), &handle);
  for (const uint64_t item : items) torch_list_push_back(handle, item);
  return argument(handle); }
// Copies a result to contiguous memory, and frees it.
static int32_t store_result(uint64_t result, void* data, int32_t dtype, Sizes sizes, Sizes strides) {
  void* const source = reinterpret_cast<void*>(result);
  void* const target = reinterpret_cast<void*>(tensor(data, dtype, sizes, strides));
  const int32_t status = aoti_torch_copy_(target, source, 0);
  aoti_torch_delete_tensor_object(target);
  aoti_torch_delete_tensor_object(source);
  return status; }


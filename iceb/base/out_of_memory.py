"""Recognise out-of-memory errors of any library, without importing torch."""

SIGNS = ("out of memory", "allocate memory")  # parts of torch's RuntimeError on a GPU and on a CPU
REMEDY = "choose a smaller `images_per_pass` or `concepts_at_once`, fewer `workers`, or `dtype=float16` on a GPU"


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice, on a GPU or on a CPU.

    >>> out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 2 bytes"))
    True
    >>> out_of_memory(RuntimeError("shapes cannot be multiplied"))
    False
    """
    said = isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in SIGNS)
    return said or isinstance(error, MemoryError)

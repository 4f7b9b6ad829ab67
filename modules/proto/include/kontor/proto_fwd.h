#pragma once
// The protobuf headers are heavy: public headers that return messages include this one, which includes the
// generated records once; everything else forward-declares.
#include <memory>

#include "kontor/records.pb.h"

/* model/iam_policy.h: the IAM policy that the controller needs: exactly the operations that the rows name. */
#pragma once

#include "base/value.h"

/* IAM JSON policy grammar, version 2012-10-17. Actions are sorted. */
struct value iam_policy_build(struct arena *arena);

import { describeLimits } from "./limits.ts";

describeLimits("elasticsearch-7");

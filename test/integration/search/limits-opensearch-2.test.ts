import { describeLimits } from "./limits.ts";

describeLimits("opensearch-2");

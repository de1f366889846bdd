import { describeIndexLife } from "./index-life.ts";

describeIndexLife("opensearch-2");

import { describeIndexLife } from "./index-life.ts";

describeIndexLife("elasticsearch-7");

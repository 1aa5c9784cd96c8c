// The training of training_step.py as one hand-written loop: 784-500-10, temporal twin, one image at a time, gate off.
//
//     loop FILE IMAGES ETA_1 ETA_2 ETA_BIAS
//
// FILE holds float32: images (n, 785), the last pixel always 1; targets (n, 10); w1 (785, 500); w2 (500, 10); b2 (10).
// The weights after training replace those in the file. Rows are contiguous, so that the compiler vectorises all loops.
#include <cstdio>
#include <cstdlib>
#include <vector>

const int P = 785, H = 500, O = 10, FREE = 100, NUDGED = 80;
const float TAU = 10, TAU_SYN = 5, TAU_D = 20, R = .5f, BETA = .5f;      // ms, spikes per ms

struct Layer {
    int n;
    std::vector<float> s, I, phase, ds;
    std::vector<int> fired;

    explicit Layer(int size) : n(size), s(size), I(size), phase(size), ds(size) {}

    void start() {
        for (int k = 0; k < n; k++) s[k] = I[k] = phase[k] = ds[k] = 0;
    }

    // one step of potentials, currents, phases and low-passed changes; target: towards which the potential is nudged
    void step(float nudge, const float *target) {
        float *S = s.data(), *current = I.data(), *progress = phase.data(), *change = ds.data();
        for (int k = 0; k < n; k++) {
            const float old = S[k], pull = target ? nudge * (target[k] - old) : 0;
            float now = old + (current[k] / (R * TAU_SYN) + pull - old) / TAU;
            now = now < 0 ? 0 : now > 1 ? 1 : now;
            progress[k] += R * old;
            current[k] -= current[k] / TAU_SYN;
            change[k] += (now - old - change[k]) / (1 + TAU_D);
            S[k] = now;
        }
        find();
    }

    void find() {
        fired.clear();
        for (int k = 0; k < n; k++) if (phase[k] >= 1) fired.push_back(k);
    }

    void reset() {
        for (int k : fired) phase[k] -= 1;
    }
};

static void add(float *__restrict to, const float *__restrict row, int n) {
    for (int k = 0; k < n; k++) to[k] += row[k];
}

static void add_times(float *__restrict to, const float *__restrict row, float factor, int n) {
    for (int k = 0; k < n; k++) to[k] += factor * row[k];
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    const int images = atoi(argv[2]);
    const float eta1 = atof(argv[3]), eta2 = atof(argv[4]), eta_b = atof(argv[5]);
    const size_t first = (size_t)images * (P + O), weights = P * H + H * O + O;
    std::vector<float> all(first + weights);
    FILE *file = fopen(argv[1], "r+b");
    if (!file || fread(all.data(), sizeof(float), all.size(), file) != all.size()) return 1;
    float *w1 = &all[first], *w2 = w1 + P * H, *b2 = w2 + H * O;
    std::vector<float> c1(P * H), c2(H * O), turned(O * H), c2_turned(O * H), cb(O);
    Layer hidden(H), output(O), pixels(P);
    for (int image = 0; image < images; image++) {
        const float *x = &all[(size_t)image * P], *target = &all[(size_t)images * P + (size_t)image * O];
        for (Layer *layer : {&pixels, &hidden, &output}) layer->start();
        for (int i = 0; i < H; i++) for (int j = 0; j < O; j++) turned[j * H + i] = w2[i * O + j];
        for (int step = 0; step < FREE + 2 * NUDGED; step++) {
            const float sign = step < FREE ? 0 : step < FREE + NUDGED ? 1 : -1;
            for (int k = 0; k < P; k++) pixels.phase[k] += R * x[k];
            pixels.find();
            hidden.step(0, nullptr);
            output.step(sign * BETA, target);
            for (int i : pixels.fired) {
                add(hidden.I.data(), w1 + (size_t)i * H, H);
                if (sign) add_times(&c1[(size_t)i * H], hidden.ds.data(), eta1 * sign, H);
                if (i == P - 1) {
                    add(output.I.data(), b2, O);
                    if (sign) add_times(cb.data(), output.ds.data(), eta_b * sign, O);
                }
            }
            for (int i : hidden.fired) {
                add(output.I.data(), w2 + i * O, O);
                if (sign) add_times(&c2[i * O], output.ds.data(), eta2 * sign, O);
            }
            for (int j : output.fired) {
                add(hidden.I.data(), &turned[j * H], H);
                if (sign) add_times(&c2_turned[j * H], hidden.ds.data(), eta2 * sign, H);
            }
            for (Layer *layer : {&pixels, &hidden, &output}) layer->reset();
        }
        for (int i = 0; i < P; i++) {
            if (!x[i]) continue;
            for (int j = 0; j < H; j++) {
                w1[(size_t)i * H + j] += c1[(size_t)i * H + j];
                c1[(size_t)i * H + j] = 0;
            }
        }
        for (int i = 0; i < H; i++) for (int j = 0; j < O; j++) {
            w2[i * O + j] += c2[i * O + j] + c2_turned[j * H + i];
            c2[i * O + j] = c2_turned[j * H + i] = 0;
        }
        for (int j = 0; j < O; j++) b2[j] += cb[j], cb[j] = 0;
    }
    fseek(file, first * sizeof(float), SEEK_SET);
    fwrite(w1, sizeof(float), weights, file);
    return fclose(file);
}
